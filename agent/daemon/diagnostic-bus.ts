import type { BusDiagnosticsConfig } from "../../config/diagnostics.ts";
import type { FrameTap } from "../diagnostics/tester/frame-tap.ts";
import type { SentId } from "../diagnostics/tester/own-frames.ts";
import type { TesterBus } from "../diagnostics/tester/tester-bus.ts";

/** One bus with diagnostics, as every part of them has it. */
export type DiagnosticBus = {
  readonly name: string;
  readonly settings: BusDiagnosticsConfig;
  /** The only way to send; where nothing may be sent, it says so. */
  readonly tester: TesterBus;
  /** Frames as they come, after the data line has had them. */
  readonly tap: FrameTap;
  /** Lets requests out on these ids, and takes others' requests on them for those of another tester. */
  readonly addRequestIds: (ids: readonly SentId[]) => void;
};
