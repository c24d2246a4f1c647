// Copies the same range of rows of every channel: py_demixer.ops.layout.take_rows,
// join_rows and put_row.

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn element(i: u32) {
    let channel = i / sizes.each;
    let place = i - channel * sizes.each;
    y[channel * sizes.y_channel + sizes.y_first + place] =
        x[channel * sizes.x_channel + sizes.x_first + place];
}
