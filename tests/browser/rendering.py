"""Fake stems that become final when the test says so, and a player over them, rendered offline.

An OfflineAudioContext renders what the player schedules, to be compared sample by sample. It is
suspended every half second of its own time, so that the page can act in between.
"""

HELPERS = """(base) => {
  const RATE = 44100;

  /** Stems of which `at(source, frame, channel)` gives the samples. */
  class FakeStems extends EventTarget {
    rate = RATE;
    grows = true;
    playhead = 0;
    read = 0;
    ranges = [];
    constructor(sources, length, at) {
      super();
      Object.assign(this, { sources, length, at });
      this.read = async (source, start, length) => {
        const isThere = source === "mixture" || this.isFinal(start, length);
        if (!isThere) throw new Error(`not final: ${start} + ${length}`);
        this.farthest = Math.max(this.farthest ?? 0, start + length);
        return this.range(source, start, length);
      };
    }
    range(source, start, length) {
      const part = new Float32Array(2 * length);
      if (source === "mixture") {
        const stems = this.sources.map((stem) => this.range(stem, start, length));
        return part.map((_, i) => stems.reduce((sum, stem) => sum + stem[i], 0));
      }
      for (let i = 0; i < part.length; i++) part[i] = this.at(source, start + (i >> 1), i & 1);
      return part;
    }
    finish(start, stop) {
      const ranges = [...this.ranges, [start, stop]].sort(([a], [b]) => a - b);
      this.ranges = [];
      for (const [from, to] of ranges) {
        const last = this.ranges.at(-1);
        if (last && from <= last[1]) last[1] = Math.max(last[1], to);
        else this.ranges.push([from, to]);
      }
      this.dispatchEvent(new Event("final"));
      return this;
    }
    finalRanges() {
      return this.ranges.map((range) => [...range]);
    }
    isFinal(start, length) {
      return this.ranges.some(([from, to]) => from <= start && start + length <= to);
    }
    async close() {}
  }

  /** The same noise for the same place. */
  const noise = (source, frame, channel) => {
    let x = Math.imul(frame * 2 + channel + 1, 0x9e3779b1) ^ (source.length * 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
    x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
    return Math.fround(((x ^ (x >>> 15)) | 0) / 2 ** 32);
  };
  const tone = (source, frame) => 0.5 * Math.sin((2 * Math.PI * 220 * frame) / RATE);

  /** Render `seconds`, with `acts[time]` done to the player when that time has come. */
  const render = async (stems, seconds, acts) => {
    const { Player } = await import(base + "engine/player.js");
    const context = new OfflineAudioContext(2, seconds * RATE, RATE);
    const player = new Player(stems, context);
    const act = async (time) => {
      // The ends of the pieces so far are told to the page in tasks of their own.
      await new Promise((resolve) => setTimeout(resolve));
      await acts[time]?.(player);
      await player.fill();
    };
    await act(0);
    for (let time = 0.5; time < seconds; time += 0.5) {
      void context.suspend(time).then(async () => {
        await act(time);
        void context.resume();
      });
    }
    const audio = await context.startRendering();
    return { heard: [audio.getChannelData(0), audio.getChannelData(1)], player };
  };

  /** Where `heard` is not, in a range, what the stems have from `frame` on; null: nowhere. */
  const difference = (heard, stems, frame, start, stop) => {
    for (let i = start; i < stop; i++) {
      for (const channel of [0, 1]) {
        const wanted = stems.at(stems.sources[0], frame + i - start, channel);
        if (heard[channel][i] !== wanted) return { at: i, heard: heard[channel][i], wanted };
      }
    }
    return null;
  };

  /** How many frames, fewer than a hundred, `heard` comes later; null: it does not come. */
  const delay = (heard, stems, frame, start, stop) => {
    for (let frames = 0; frames < 100; frames++) {
      if (difference(heard, stems, frame, start + frames, stop) === null) return frames;
    }
    return null;
  };

  /** The frame at which a context is stopped that is to be stopped at that time. */
  const quantum = (seconds) => 128 * Math.ceil((seconds * RATE) / 128);

  const largestStep = ([plane]) => {
    let largest = 0;
    for (let i = 1; i < plane.length; i++) {
      largest = Math.max(largest, Math.abs(plane[i] - plane[i - 1]));
    }
    return largest;
  };

  Object.assign(window, { RATE, FakeStems, noise, tone, render });
  Object.assign(window, { difference, delay, quantum, largestStep });
}"""
