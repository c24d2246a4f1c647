// The positions of a row's elements in an array (channels, rows, positions).

// The index of element `i` among the channels and positions of a row and a group of channels.
fn place(i: u32, row: u32, group: u32) -> u32 {
    let channel = i / sizes.positions;
    return (group * sizes.channels + channel) * sizes.rows * sizes.positions
        + row * sizes.positions + i - channel * sizes.positions;
}
