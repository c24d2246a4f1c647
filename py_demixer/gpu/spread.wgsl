// Which number an invocation is for, of those that are spread over workgroups of 256.

fn number_of(workgroup: vec3u, count: vec3u, thread: u32) -> u32 {
    return (workgroup.y * count.x + workgroup.x) * 256u + thread;
}
