/**
 * The same operation by our shaders and by onnxruntime-web, in turns on the same adapter.
 *
 * What is timed is from handing the work over until the device has done it; inputs, weights and
 * results stay on the card.
 */

const DIST = new URL("node_modules/onnxruntime-web/dist/", location.href).href;

/** By device: the bytes of its buffers, now and at most. */
const held = new Map();

const { createBuffer } = GPUDevice.prototype;
GPUDevice.prototype.createBuffer = function (options) {
  const buffer = createBuffer.call(this, options);
  const bytes = held.get(this) ?? { now: 0, most: 0 };
  bytes.now += options.size;
  bytes.most = Math.max(bytes.most, bytes.now);
  held.set(this, bytes);
  const { destroy } = buffer;
  let alive = true;
  buffer.destroy = () => {
    if (alive) bytes.now -= options.size;
    alive = false;
    destroy.call(buffer);
  };
  return buffer;
};

/**
 * How many times as long as ours theirs may take before it is given up: on a software adapter a
 * whole network can take the better part of an hour.
 */
const PATIENCE = 10;
const LEAST_PATIENCE_SECONDS = 60;

/**
 * @param {string} folder the operation's files, as gpu.py wrote them
 * @param {number} runs how many times each is timed, the later ones in turns
 * @returns {Promise<object[]>} of each engine; `isGivenUp`: it takes more than the seconds stated
 */
export async function measure(folder, runs) {
  const engines = [await schedule(`${folder}/ours/`), await graph(`${folder}/theirs/`)];
  const ours = await begin(engines[0], Infinity);
  const patience = Math.max(LEAST_PATIENCE_SECONDS, PATIENCE * ours.seconds[0]);
  const theirs = await begin(engines[1], patience);
  const answers = [ours, theirs];
  for (let count = 1; count < runs && !theirs.isGivenUp; count++) {
    for (const [number, { run }] of engines.entries()) {
      answers[number].seconds.push(await timed(run, Infinity));
    }
  }
  for (const [number, { device }] of engines.entries()) {
    answers[number].bytes = held.get(device).most;
  }
  return answers;
}

async function begin({ run, read, expected }, limit) {
  // Whatever is compiled or chosen at first is not timed.
  if ((await timed(run, limit)) === null) return { seconds: [limit], snr: null, isGivenUp: true };
  const quality = expected && snr(expected, new Float32Array(await read()));
  return { seconds: [await timed(run, Infinity)], snr: quality, isGivenUp: false };
}

/** Seconds; null: not done within `limit` seconds. */
async function timed(run, limit) {
  const begun = performance.now();
  const patience = Number.isFinite(limit)
    ? new Promise((resolve) => setTimeout(() => resolve(true), 1000 * limit))
    : new Promise(() => {});
  const isOver = await Promise.race([run().then(() => false), patience]);
  return isOver ? null : (performance.now() - begun) / 1000;
}

/** The adapter's name, as its driver tells it. */
export async function adapterName() {
  const { info } = await navigator.gpu.requestAdapter();
  return info.description || info.device || `${info.vendor} ${info.architecture}`;
}

async function schedule(folder) {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter.requestDevice();
  const failures = [];
  device.addEventListener("uncapturederror", ({ error }) => failures.push(error.message));
  const plan = await (await fetch(`${folder}schedule.json`)).json();
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const make = (size, usage) => device.createBuffer({ size, usage: usage | COPY_SRC | COPY_DST });
  const buffers = plan.buffers.map((size) => make(size, STORAGE));
  const fill = async (buffer, start, name) =>
    device.queue.writeBuffer(buffer, start, await bytes(folder + name));
  const [inputBuffer, inputStart] = plan.input;
  await fill(buffers[inputBuffer], inputStart, "x.bin");
  await fill(buffers[plan.computed], 0, "constants.bin");
  await fill(buffers[plan.computed + 1], 0, "weights.bin"); // few enough for one buffer
  const sizes = make(plan.sizes, UNIFORM);
  await fill(sizes, 0, "sizes.bin");
  const pipelines = await Promise.all(
    plan.shaders.map((code) => {
      const compute = { module: device.createShaderModule({ code }) };
      return device.createComputePipelineAsync({ layout: "auto", compute });
    }),
  );
  const steps = plan.runs.map(({ pipeline, bindings, sizes: start, workgroups }) => {
    const regions = bindings.map(([buffer, offset, size], index) => ({
      binding: index + 1,
      resource: { buffer: buffers[buffer], offset, size },
    }));
    const uniform = { binding: 0, resource: { buffer: sizes, offset: start, size: 256 } };
    const entries = start === null ? regions : [uniform, ...regions];
    const layout = pipelines[pipeline].getBindGroupLayout(0);
    return {
      pipeline: pipelines[pipeline],
      group: device.createBindGroup({ layout, entries }),
      workgroups,
    };
  });
  const run = async () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const { pipeline, group, workgroups } of steps) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    if (failures.length > 0) throw new Error(failures.join("\n"));
  };
  const [outputBuffer, outputStart, outputSize] = plan.output;
  const read = () => download(device, buffers[outputBuffer], outputStart, outputSize);
  return { device, run, read, expected: await floats(`${folder}expected.bin`) };
}

async function graph(folder) {
  const ort = await import(`${DIST}ort.webgpu.min.mjs`);
  ort.env.wasm.wasmPaths = DIST;
  const { feeds: shapes, isWhole } = await (await fetch(`${folder}graph.json`)).json();
  const session = await ort.InferenceSession.create(`${folder}model.onnx`, {
    executionProviders: ["webgpu"],
    preferredOutputLocation: "gpu-buffer",
    // A whole network may compute its shapes elsewhere.
    extra: { session: { disable_cpu_ep_fallback: isWhole ? "0" : "1" } },
  });
  const device = await ort.env.webgpu.device;
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const feeds = {};
  for (const [name, { file, dims }] of Object.entries(shapes)) {
    const data = await bytes(folder + file);
    const usage = STORAGE | COPY_SRC | COPY_DST;
    const buffer = device.createBuffer({ size: data.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, data);
    feeds[name] = ort.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims });
  }
  const [output] = session.outputNames;
  const run = async () => {
    const answers = await session.run(feeds);
    await device.queue.onSubmittedWorkDone();
    for (const answer of Object.values(answers)) answer.dispose();
  };
  const read = async () => (await (await session.run(feeds))[output].getData(true)).buffer;
  // A whole network that gives something else than ours is only timed.
  const expected = isWhole ? null : await floats(`${folder}expected.bin`);
  return { device, run, read, expected };
}

async function download(device, from, start, size) {
  const { COPY_DST, MAP_READ } = GPUBufferUsage;
  const buffer = device.createBuffer({ size, usage: COPY_DST | MAP_READ });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(from, start, buffer, 0, size);
  device.queue.submit([encoder.finish()]);
  await buffer.mapAsync(GPUMapMode.READ);
  const content = buffer.getMappedRange().slice(0);
  buffer.destroy();
  return content;
}

async function bytes(url) {
  return (await fetch(url)).arrayBuffer();
}

async function floats(url) {
  return new Float32Array(await bytes(url));
}

function snr(expected, got) {
  if (expected.length !== got.length) throw new Error(`${got.length} numbers: an other result`);
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < expected.length; i++) {
    signal += expected[i] ** 2;
    noise += (got[i] - expected[i]) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}
