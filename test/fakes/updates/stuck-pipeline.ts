import { Pipeline } from "../../../agent/telemetry/pipeline.ts";

// Preloaded by a release that is broken: its pipeline takes frames and its timer never stores them, while everything else goes on.
Pipeline.prototype.start = function () {
  this.flush();
};
