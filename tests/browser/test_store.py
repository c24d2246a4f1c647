"""The store and the queue without the engine's Python: the store is killed at every step."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.browser.page import CHANGE_ENTRIES, CLEAR_SONGS
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser

# The store's worker with a fault in the operation of a given number. A faulty write writes half of
# its data; a faulty catalog entry is not written. After a kill nothing else happens; after any
# other fault all is well again.
_FAULTY = """
const given = new URL(location).searchParams;
const number = Number(given.get("number"));
let [count, isDead] = [0, false];
const failed = (half, error) => {
  half();
  throw error;
};
const TAKE_ROOM = ["createSyncAccessHandle", "write", "truncate", "flush", "put"];
const CHANGE = [...TAKE_ROOM, "close", "removeEntry", "move", "delete"];
const LOOK = ["getFileHandle", "read", "get", "getAll"];
const FAULTS = {
  kill: [CHANGE, (half) => {
    isDead = true;
    failed(half, new Error("killed"));
  }],
  short: [["write"], (half) => half()],
  full: [TAKE_ROOM, (half) => failed(half, new DOMException("no room", "QuotaExceededError"))],
  unreadable: [[...CHANGE, ...LOOK].filter((name) => name !== "close"), (half) => {
    failed(half, new DOMException("not now", "NotReadableError"));
  }],
};
const [concerned, fail] = FAULTS[given.get("fault")];
// All is well again at once: what is tried again need not wait.
const { setTimeout: wait } = globalThis;
globalThis.setTimeout = (act) => wait(act, 0);
const step = (operation, whole, half = () => {}) => {
  if (isDead) throw new Error("killed");
  const isTurn = concerned.includes(operation) && count++ === number;
  return isTurn ? fail(half) : whole();
};
const files = FileSystemSyncAccessHandle.prototype;
const { write } = files;
files.write = function (bytes, options) {
  const half = () => write.call(this, bytes.subarray(0, bytes.length >> 1), options);
  return step("write", () => write.call(this, bytes, options), half);
};
const entries = IDBObjectStore.prototype;
const [folder, file] = [FileSystemDirectoryHandle.prototype, FileSystemFileHandle.prototype];
for (const kind of [files, folder, file, entries]) {
  const half = kind === entries ? (store) => store.transaction.abort() : () => {};
  for (const name of [...CHANGE, ...LOOK].filter((name) => name !== "write" && name in kind)) {
    const original = kind[name];
    kind[name] = function (...given) {
      return step(name, () => original.apply(this, given), () => half(this));
    };
  }
}
addEventListener("message", (event) => {
  if (event.data !== "count") return;
  event.stopImmediatePropagation();
  postMessage(count);
});
await import("./store-worker.js");
postMessage("ready");
"""

# A plan like those of Demucs: overlapping segments, each block after its last contributing segment.
_HELPERS = """(engine) => {
  const FRAMES = 900, SEGMENT = 400, STEP = 300; // a first, a middle and a last segment

  const range = (plane, start, stop) => ({ plane, start, length: stop - start });

  const makePlan = (frames = FRAMES) => {
    const planes = {}, tasks = [];
    const plane = (count, origin, width, temporary) => {
      return { frames: count, origin, width, temporary };
    };
    for (const name of ["mixture", "a", "b"]) planes[name] = plane(frames, 0, 2, false);
    const segments = [];
    for (let start = 0; start < frames; start += STEP) {
      const stop = Math.min(frames, start + SEGMENT);
      const name = `segment 0 ${segments.length}`;
      planes[name] = plane(stop - start, start, 4, true);
      const segment = { name, start, stop, index: tasks.length };
      segments.push(segment);
      const [reads, writes] = [[range("mixture", start, stop)], [range(name, start, stop)]];
      tasks.push({ reads, writes, after: [], cost: 1 });
      const end = stop === frames ? frames : start + STEP;
      const needed = segments.filter((one) => one.start < end && one.stop > start);
      tasks.push({
        reads: needed.map((one) => {
          return range(one.name, Math.max(start, one.start), Math.min(end, one.stop));
        }),
        writes: [range("a", start, end), range("b", start, end)],
        after: needed.map((one) => one.index),
        cost: 0,
      });
      if (end === frames) break;
    }
    return { planes, tasks };
  };

  const compute = ({ reads, writes, cost }, inputs) => {
    if (cost === 1) {
      const out = new Float32Array(4 * reads[0].length);
      for (let i = 0; i < out.length; i++) out[i] = inputs[0][2 * (i >> 2)] * (1 + (i & 3));
      return [out];
    }
    const [{ start, length }] = writes;
    const outputs = [new Float32Array(2 * length), new Float32Array(2 * length)];
    for (const [number, part] of reads.entries()) {
      for (let i = 0; i < 4 * part.length; i++) {
        const frame = part.start - start + (i >> 2);
        outputs[(i >> 1) & 1][2 * frame + (i & 1)] += inputs[number][i];
      }
    }
    return outputs;
  };

  const startStore = async (fault = "kill", number = Infinity) => {
    const url = new URL(`${engine}faulty.js?fault=${fault}&number=${number}`);
    const worker = new Worker(url, { type: "module" });
    const next = () => new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
    await next();
    let id = 0;
    const call = async (method, ...parameters) => {
      worker.postMessage({ id: ++id, method, argument: parameters });
      const reply = await next();
      if (reply.ok) return reply.value;
      const { message } = reply.error;
      throw new Error(message.includes("killed") ? "killed" : message);
    };
    const operations = () => {
      worker.postMessage("count");
      return next();
    };
    return { worker, call, operations };
  };

  const ABOUT = {
    key: "the song", name: "song.wav", measured: { length: FRAMES }, options: "{}",
    stems: ["a", "b"], cost: 3, tasks: 6,
  };
  const COPY = Uint8Array.from({ length: 300 }, (_, i) => i);
  const NOTES = { name: "song", file: "song.wav", size: COPY.length, mixer: null, added: 0 };

  const namesOf = async (id) => {
    const root = await navigator.storage.getDirectory();
    const songs = await root.getDirectoryHandle("samples", { create: true });
    try {
      return await Array.fromAsync((await songs.getDirectoryHandle(id)).keys());
    } catch (error) {
      if (error.name === "NotFoundError") return [];
      throw error;
    }
  };

  /** Of what did not begin, what was read is gone; what it is called, and a whole copy, are not. */
  const isLeft = async (call, { id, notes, hasFile }) => {
    const copy = hasFile && new Uint8Array(await (await call("file", id)).arrayBuffer());
    const isWhole = !hasFile || `${copy}` === `${COPY}`;
    const names = await namesOf(id);
    return notes.name === "song" && isWhole && names.every((name) => name === "file");
  };

  /** Read the song. */
  const read = async (call, id) => {
    await call("open", id);
    await call("clear", id);
    await call("reserve", id, 1000);
    const mixture = Float32Array.from({ length: 2 * FRAMES }, (_, i) => Math.sin(i));
    await call("append", id, mixture.subarray(0, 700));
    await call("append", id, mixture.subarray(700));
  };

  /** Separate the song, or what is left of it. */
  const attempt = async (call, state) => {
    const { planes, tasks } = makePlan();
    const songs = await call("list");
    const kept = songs.find(({ id }) => id === state.id) ?? songs.find(({ about }) => about);
    const id = (state.id = kept?.id ?? crypto.randomUUID());
    if (!kept) {
      await call("create", id, NOTES);
      await call("keepFile", id, 0, COPY.slice(0, 200));
      await call("keepFile", id, 200, COPY.slice(200));
    }
    if (kept?.about) await call("open", id);
    else await read(call, id);
    state.done = await call("begin", id, ABOUT, { stems: ["a", "b"], planes, tasks });
    for (const [index, task] of tasks.entries()) {
      if (state.done.includes(index)) continue;
      const inputs = [];
      for (const part of task.reads) inputs.push(await call("read", id, part));
      await call("finish", id, index, compute(task, inputs));
      state.finished.push(index);
    }
    await call("view", id);
    const stems = [];
    for (const name of ["a", "b"]) {
      stems.push(...(await call("read", id, { plane: name, start: 0, length: FRAMES })));
    }
    const peaks = [];
    // Of the samples, and of what is kept beside them.
    for (const columns of [100, 1]) {
      const whole = { plane: "a", start: 0, length: FRAMES };
      peaks.push([...(await call("peaks", id, whole, columns, [[0, FRAMES]]))]);
    }
    const [names, song] = [(await namesOf(id)).sort(), await call("look", id)];
    return { ...state, stems, peaks, names, song };
  };

  /** The same; `number`: of the operation at which the store is killed. */
  const separate = async (number = Infinity) => {
    const { worker, call } = await startStore("kill", number);
    const state = { done: [], finished: [], copies: 0 };
    try {
      for (const song of await call("list")) {
        if (song.about) continue;
        if (!(await isLeft(call, song))) throw new Error(JSON.stringify(song));
        if (song.hasFile) state.copies++;
      }
      return await attempt(call, state);
    } catch (error) {
      if (error.message !== "killed") throw error;
      return { ...state, stems: null };
    } finally {
      worker.terminate();
    }
  };

  /**
   * The same with a fault that goes by. What has failed is done once more: the call alone, as
   * where the song is still open, or the whole song in the same tab.
   */
  const separateWith = async (fault, number, way) => {
    const { worker, call, operations } = await startStore(fault, number);
    const state = { done: [], finished: [], errors: [] };
    const twice = async (...given) => {
      try {
        return await call(...given);
      } catch (error) {
        state.errors.push(error.message);
        return call(...given);
      }
    };
    const separated = async () => {
      if (way === "call") return attempt(twice, state);
      try {
        return await attempt(call, state);
      } catch (error) {
        state.errors.push(error.message);
        await call("close", state.id);
        return attempt(call, state);
      }
    };
    try {
      return { ...(await separated()), operations: await operations() };
    } finally {
      worker.terminate();
    }
  };

  /** Kill the store at every `stride`-th operation from `first` on; resume each time. */
  const killEach = async (first, stride) => {
    const found = [];
    for (let number = first; ; number += stride) {
      await clearSongs();
      const killed = await separate(number);
      if (killed.stems !== null) return found;
      found.push([killed, await separate()]);
    }
  };

  /** Have every `stride`-th operation from `first` on fail, and finally none. */
  const failEach = async (fault, way, first, stride) => {
    const found = [];
    for (let number = first, last = first; number <= last; number += stride) {
      await clearSongs();
      const done = await separateWith(fault, number, way);
      last = done.operations;
      found.push({ ...done, number });
    }
    return found;
  };

  Object.assign(window, { separate, killEach, failEach, makePlan, startStore, ABOUT, NOTES });
}"""

_AT_ONCE = 4


@pytest.fixture(scope="module")
def urls(tiny_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The site, with a store that has faults, at several origins: each has its own storage."""
    site = Path(shutil.copytree(tiny_site, tmp_path_factory.mktemp("store") / "site"))
    (site / "engine" / "faulty.js").write_text(_FAULTY, encoding="utf-8")
    with ExitStack() as servers:
        yield [
            servers.enter_context(server.serving(site, cache_control="max-age=3600"))
            for _ in range(_AT_ONCE)
        ]


@pytest.fixture(scope="module")
def pages(shared_context: BrowserContext, urls: list[str]) -> list[Page]:
    return [opened(shared_context, url) for url in urls]


def opened(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url + "licences.txt")
    page.evaluate(f"window.clearSongs = {CLEAR_SONGS}")
    page.evaluate(_HELPERS, url + "engine/")
    return page


@pytest.fixture(scope="module")
def url(urls: list[str]) -> str:
    return urls[0]


@pytest.fixture(scope="module")
def page(pages: list[Page]) -> Page:
    return pages[0]


def at_once(pages: list[Page], function: str, *given: str) -> list[Any]:
    """Call a function with its part of the operations in each page: they mostly wait for disks."""
    for first, page in enumerate(pages):
        call = f"given => {{ window.found = {function}(...given); }}"
        page.evaluate(call, [*given, first, len(pages)])
    return [found for page in pages for found in page.evaluate("found")]


def run(page: Page) -> dict[str, Any]:
    """Separate the rest of the song."""
    answer: dict[str, Any] = page.evaluate("separate()")
    return answer


def test_kill_at_any_step_loses_no_finished_task_and_adds_nothing_twice(
    page: Page, pages: list[Page]
) -> None:
    page.evaluate(CLEAR_SONGS)
    whole = run(page)
    tasks = list(range(6))
    assert whole["finished"] == tasks
    planes = [f"{plane}.{kind}" for plane in ("a", "b", "mixture") for kind in ("f32", "peaks")]
    assert whole["names"] == sorted(planes)
    stem = np.reshape(whole["stems"][:1800], (100, 18))
    assert whole["peaks"][0] == np.stack([stem.min(1), stem.max(1)], 1).ravel().tolist()
    assert whole["peaks"][1] == [min(0, stem.min()), max(0, stem.max())]
    assert whole["song"]["isFinished"]
    copies = 0
    kills = at_once(pages, "killEach")
    for killed, again in kills:
        assert set(killed["finished"]) <= set(again["done"])
        assert sorted({*again["done"], *again["finished"]}) == tasks
        assert again["stems"] == whole["stems"]
        assert again["peaks"] == whole["peaks"]
        assert again["names"] == whole["names"]
        assert again["song"]["isFinished"]
        assert again["song"]["notes"] == whole["song"]["notes"]
        copies += again["copies"]
    assert len(kills) > 50
    assert 0 < copies < len(kills)
    page.evaluate(CLEAR_SONGS)


@pytest.mark.parametrize(
    ("fault", "way"),
    [("short", "call"), ("short", "song"), ("full", "call"), ("full", "song"), ("unreadable", "")],
)
def test_transient_error_costs_one_retry(
    page: Page, pages: list[Page], fault: str, way: str
) -> None:
    """At any step; a momentary read error does not even cost that."""
    page.evaluate(CLEAR_SONGS)
    whole = run(page)
    faults = at_once(pages, "failEach", fault, way)
    for done in faults:
        assert sorted({*done["done"], *done["finished"]}) == list(range(6))
        for what in ("stems", "peaks", "names"):
            assert done[what] == whole[what]
        assert done["song"]["isFinished"]
        assert done["song"]["notes"] == whole["song"]["notes"]
        is_told = fault != "unreadable" and done["number"] < done["operations"]
        assert len(done["errors"]) == is_told
    numbers = {done["number"] for done in faults}
    assert numbers == set(range(len(numbers)))
    assert max(numbers) > 20
    page.evaluate(CLEAR_SONGS)


_RENAME = """async (number) => {
  const { worker, call } = await startStore("kill", number);
  const written = [];
  try {
    await call("create", "song", NOTES);
    for (let name = 1; name <= 4; name++) {
      written.push(name === 1 ? "song" : `${name - 1}`);
      await call("note", "song", { name: `${name}`, mixer: "x".repeat(100 * (5 - name)) });
    }
    written.push("4");
  } catch (error) {
    if (error.message !== "killed") throw error;
  } finally {
    worker.terminate();
  }
  const again = await startStore();
  const songs = await again.call("list");
  again.worker.terminate();
  return { written, names: songs.map(({ notes }) => notes.name) };
}"""


def test_kill_during_a_rename_leaves_the_old_or_the_new_name(page: Page) -> None:
    number = 0
    page.evaluate(CLEAR_SONGS)
    while (found := page.evaluate(_RENAME, number))["written"][-1:] != ["4"]:
        page.evaluate(CLEAR_SONGS)
        if written := found["written"]:
            (name,) = found["names"]
            assert name in (written[-1], str(len(written)))
        number += 1
    assert number == 5
    assert found["names"] == ["4"]
    page.evaluate(CLEAR_SONGS)


def test_another_song_in_the_same_folder_starts_over(page: Page) -> None:
    """As after a site update: the mixture is there, but the stems are of the old version."""
    page.evaluate(CLEAR_SONGS)
    whole = run(page)
    # With another key, and not finished.
    change = "(entry) => ({ ...entry, about: { ...entry.about, key: 'another' }, tasks: [[0, 5]] })"
    page.evaluate(f"() => ({CHANGE_ENTRIES})({change})")
    again = run(page)
    assert again["done"] == []
    assert again["stems"] == whole["stems"]
    page.evaluate(CLEAR_SONGS)


_MAKE_PEAKS = """async () => {
  const { worker, call } = await startStore();
  const [{ id }] = await call("list");
  const root = await navigator.storage.getDirectory();
  const song = await (await root.getDirectoryHandle("samples")).getDirectoryHandle(id);
  await song.removeEntry("a.peaks");
  await call("view", id);
  const whole = { plane: "a", start: 0, length: 900 };
  const peaks = await call("peaks", id, whole, 1, [[0, 900]]);
  worker.terminate();
  return [...peaks];
}"""


def test_peaks_missing_from_an_older_version_are_computed(page: Page) -> None:
    page.evaluate(CLEAR_SONGS)
    whole = run(page)
    assert page.evaluate(_MAKE_PEAKS) == whole["peaks"][1]
    page.evaluate(CLEAR_SONGS)


_ORDER = """async ({ engine, playhead, done }) => {
  const { TaskQueue } = await import(engine + "queue.js");
  const queue = new TaskQueue(makePlan(1200), done);
  queue.playhead = playhead;
  const order = [];
  for (let index = queue.take(); index !== null; index = queue.take()) {
    order.push(index);
    queue.finish(index);
  }
  return [order, queue.costDone, queue.cost];
}"""


@pytest.mark.parametrize(
    ("playhead", "done", "order"),
    [
        (0, [], [0, 1, 2, 3, 4, 5, 6, 7]),
        (0, [0, 2, 3], [1, 4, 5, 6, 7]),
        # The block at the playhead also needs the segment before it.
        (650, [], [2, 4, 5, 6, 7, 0, 1, 3]),
        (950, [], [4, 6, 7, 0, 1, 2, 3, 5]),
    ],
)
def test_tasks_near_the_playhead_come_first(
    page: Page, url: str, playhead: int, done: list[int], order: list[int]
) -> None:
    arguments = {"engine": url + "engine/", "playhead": playhead, "done": done}
    assert page.evaluate(_ORDER, arguments) == [order, 4, 4]


_SLEEP = """async (engine) => {
  const { EngineWorker } = await import(engine + "engine-worker.js");
  let now = 0, tick;
  performance.now = () => now;
  window.setInterval = (callback) => { tick = callback; return 1; };
  const worker = new EngineWorker();
  let ended = false;
  worker.call("run", {}, { seconds: 100 }).catch(() => { ended = true; });
  const after = async (seconds) => {
    now += 1000 * seconds;
    tick();
    await null;
    return !worker.alive;
  };
  return [await after(8 * 3600), await after(5), await after(5), await after(60)];
}"""


def test_watchdog_does_not_count_sleep(shared_context: BrowserContext, tiny_url: str) -> None:
    page = shared_context.new_page()
    page.goto(tiny_url + "licences.txt")
    assert page.evaluate(_SLEEP, tiny_url + "engine/") == [False, False, False, True]
    page.close()


_FAIL_WHILE_STORING = """async (engine) => {
  const { TaskQueue } = await import(engine + "queue.js");
  const { TaskRun } = await import(engine + "task-run.js");
  const happened = [];
  let release;
  const late = new Promise((resolve) => (release = resolve));
  const finish = async (index) => {
    if (index === 0) {
      await late;
      happened.push("stored");
      return;
    }
    setTimeout(release);
    throw new Error("no room");
  };
  const pool = { take: () => ({}), release: () => {}, call: async () => [] };
  const run = new TaskRun(pool, {
    job: {}, queue: new TaskQueue(makePlan(), []), paused: false, onCard: false,
    read: async () => new Float32Array(), begin: () => {}, leaveCard: () => {}, finish,
  });
  run.pump();
  await run.ended.catch((error) => happened.push(error.message));
  return happened;
}"""


def test_failed_run_ends_when_the_rest_is_stored(page: Page, url: str) -> None:
    """Otherwise the next run would do again what this one is about to have finished."""
    assert page.evaluate(_FAIL_WHILE_STORING, url + "engine/") == ["stored", "no room"]


_ONE_WORKER = """async ([engine, playhead]) => {
  const { TaskQueue } = await import(engine + "queue.js");
  const { TaskRun } = await import(engine + "task-run.js");
  const queue = new TaskQueue(makePlan(), []);
  queue.playhead = playhead;
  const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const calls = [];
  let isFree = true;
  const pool = {
    canGrow: false,
    workers: 1,
    take: () => (isFree ? ((isFree = false), {}) : null),
    release: () => {
      isFree = true;
      queueMicrotask(() => run.pump());
    },
    call: async (worker, { index }) => {
      calls.push(index);
      await after(100);
      return [];
    },
  };
  const finish = async (index) => {
    await after(10); // while it is stored, another task can begin
    queue.finish(index);
  };
  const run = new TaskRun(pool, {
    job: {}, queue, paused: false, onCard: false, finish,
    read: async () => new Float32Array(), begin: () => {}, leaveCard: () => {},
  });
  run.pump();
  await run.ended;
  return calls;
}"""


@pytest.mark.parametrize(
    ("playhead", "order"), [(0, [0, 1, 2, 4, 3, 5]), (350, [0, 2, 3, 1, 4, 5])]
)
def test_sound_at_the_playhead_is_made_before_another_segment(
    page: Page, url: str, playhead: int, order: list[int]
) -> None:
    assert page.evaluate(_ONE_WORKER, [url + "engine/", playhead]) == order
