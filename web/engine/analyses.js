/**
 * Finds the beats and the key of finished songs, with a worker that has nothing else to do.
 *
 * @module
 */

/** @typedef {import("./protocol.js").Analysis} Analysis */
/** @typedef {import("./protocol.js").Stems} Stems */
/** @typedef {import("./song.js").Song} Song */

const BLOCK_SECONDS = 10;

export class Analyses {
  #engine;
  #session;
  /** @type {{song: Song, stems: Stems} | null} the song to analyse */
  #wanted = null;
  #isAtWork = false;

  /**
   * @param {import("./engine.js").Engine} engine @param {import("./session.js").Session} session
   */
  constructor(engine, session) {
    this.#engine = engine;
    this.#session = session;
    engine.addEventListener("change", () => this.#pump());
    session.addEventListener("song", () => this.#pump());
  }

  /** @param {{song: Song, stems: Stems} | null} shown to be analysed when it is finished */
  set shown(shown) {
    this.#wanted = shown;
    this.#pump();
  }

  #pump() {
    const wanted = this.#wanted;
    const { pool, info } = this.#engine;
    if (!wanted || this.#isAtWork || !info || !pool) return;
    if (wanted.song.state !== "finished" || wanted.song.analysis) return;
    this.#isAtWork = true;
    void this.#analyse(wanted, pool).finally(() => {
      this.#isAtWork = false;
      this.#pump();
    });
  }

  /** @param {{song: Song, stems: Stems}} wanted @param {import("./pool.js").Pool} pool */
  async #analyse({ song, stems }, pool) {
    try {
      this.#session.keepAnalysis(song, await analyse(stems, pool));
    } catch (error) {
      // Unless the engine was stopped, it is tried again only when the song is shown next.
      const isOver = pool === this.#engine.pool && this.#wanted?.song === song;
      if (isOver) this.#wanted = null;
      console.warn(error);
    }
  }
}

/** @param {Stems} stems @param {import("./pool.js").Pool} pool @returns {Promise<Analysis>} */
function analyse(stems, pool) {
  const block = BLOCK_SECONDS * stems.rate;
  return pool.with(async (worker) => {
    await worker.call("analysis", [...stems.sources]);
    for (let start = 0; start < stems.length; start += block) {
      const length = Math.min(block, stems.length - start);
      const samples = await Promise.all(
        stems.sources.map((source) => stems.read(source, start, length)),
      );
      await worker.call("analyse", samples, { transfer: samples.map(({ buffer }) => buffer) });
    }
    return worker.call("analysed", null);
  });
}
