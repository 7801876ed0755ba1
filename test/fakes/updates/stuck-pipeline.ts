import { Pipeline } from "../../../agent/telemetry/pipeline.ts";

// Preloaded by a release that is broken: its pipeline takes frames and stores nothing, while everything else goes on.
Pipeline.prototype.flush = () => undefined;
