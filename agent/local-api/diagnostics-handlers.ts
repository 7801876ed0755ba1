import { AgentError } from "../core/errors.ts";
import { forTechnician, type TechnicianRight } from "../diagnostics/tester/technician.ts";
import type { FunctionalReply, Reply, SentFrame, TesterBus } from "../diagnostics/tester/tester-bus.ts";
import { bytesOfHex, hexOf } from "../diagnostics/uds/data-values.ts";
import { type DiagnosticsReply, type DiagnosticsRequest, diagnosticsAsk } from "./diagnostics-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** A bus that technicians may ask on, and what they may do beside reading. */
export type AskedBus = { readonly tester: TesterBus; readonly rights: readonly TechnicianRight[] };

/** `diagnostics.ask`. Whoever asks on admin.sock is a technician. */
export function diagnosticsHandlers(buses: readonly AskedBus[]): readonly ServedVerb[] {
  const testers = new Map(buses.map(({ tester, rights }) => [tester.bus, forTechnician(tester, rights)]));
  return [
    diagnosticsAsk.answeredBy(async function* (request, signal) {
      const tester = testers.get(request.bus);
      if (tester === undefined) throw unknownBus(request.bus, [...testers.keys()]);
      yield { schemaVersion: 1, reply: replyJson(await askOn(tester, request, signal)) };
    }),
  ];
}

async function askOn(
  tester: TesterBus,
  request: DiagnosticsRequest,
  signal: AbortSignal,
): Promise<Reply | FunctionalReply | SentFrame> {
  const who = "technician";
  switch (request.kind) {
    case "ask": {
      const { name, address, isotp, pdu, p2Ms, p2StarMs, pendingMs, answerless, repeats } = request;
      const ecu = { name, address, isotp };
      const times = { p2Ms, p2StarMs, pendingMs };
      return await tester.ask({ ecu, pdu: bytesOfHex(pdu), who, ...times, answerless, repeats }, signal);
    }
    case "ask-all":
      return await tester.askAll(request, bytesOfHex(request.pdu), request.windowMs, who, signal);
    case "frame": {
      const { id, flags, data, transport } = request;
      const frame = { id, flags, data: bytesOfHex(data), receivedAtUs: 0 };
      return await tester.sendFrame(frame, transport ? "transport" : who, signal);
    }
  }
}

function replyJson(reply: Reply | FunctionalReply | SentFrame): DiagnosticsReply {
  switch (reply.kind) {
    case "answer":
      return { ...reply, pdu: hexOf(reply.pdu) };
    case "answers":
      return { kind: "answers", answers: reply.answers.map((one) => ({ ...one, pdu: hexOf(one.pdu) })) };
    case "fault":
      return { kind: "fault", code: reply.fault.code, what: reply.fault.message, remedy: reply.fault.remedy };
    default:
      return reply;
  }
}

function unknownBus(bus: string, known: readonly string[]): AgentError {
  return new AgentError("bus.unknown", {
    what: `the running agent has no diagnostics of bus ${bus}`,
    remedy: `name one of ${known.join(", ")}, or add it to diagnostics.buses`,
  });
}
