/**
 * Worker that fetches and caches what a model needs; see keeper.js. Messages: see `protocol.js`.
 */

import { keepAll } from "./assets.js";
import { serve } from "./rpc.js";

serve((_method, { base, assets, model }, notice) =>
  keepAll(base, assets, model, (done, total) => notice([done, total])),
);
