import { untilAborted } from "../../core/aborted.ts";
import { AgentError } from "../../core/errors.ts";
import type { FunctionalReply, Reply, SentFrame, TesterBus, Withheld } from "../../diagnostics/tester/tester-bus.ts";
import { emptyState } from "../../diagnostics/tester/tester-counts.ts";
import { bytesOfHex, hexOf } from "../../diagnostics/uds/data-values.ts";
import { type DiagnosticsReply, type DiagnosticsRequest, diagnosticsAsk } from "../../local-api/diagnostics-schema.ts";
import type { RunningAgent } from "../running-agent.ts";

/**
 * A bus as the running agent asks on it, with the manners of the agent. What is asked here goes as a technician's, whoever asks; `before`
 * of a request is asked in this process, before it is handed over. The state is that of `causeway status`, and not told here. Rejects
 * as `RunningAgent.follow` does.
 */
export function createRemoteTester(bus: string, agent: Pick<RunningAgent, "follow">): TesterBus {
  const told = async (request: DiagnosticsRequest, signal: AbortSignal): Promise<DiagnosticsReply> => {
    for await (const { reply } of untilAborted(agent.follow(diagnosticsAsk, request), signal)) return reply;
    return { kind: "withheld", reason: "aborted", what: "it is not wanted any more" };
  };
  return {
    bus,
    ask: async ({ ecu, pdu, before, who: _who, ...times }, signal) => {
      const problem = before?.();
      if (problem !== undefined) return { kind: "withheld", reason: "condition", what: problem };
      const { name, address, isotp } = ecu;
      return replyOf(await told({ kind: "ask", bus, name, address, isotp, pdu: hexOf(pdu), ...times }, signal));
    },
    askAll: async ({ txId, extended, responses }, pdu, windowMs, _who, signal) =>
      functionalReplyOf(
        await told({ kind: "ask-all", bus, txId, extended, responses, pdu: hexOf(pdu), windowMs }, signal),
      ),
    sendFrame: async ({ id, flags, data }, who, signal) =>
      sentOf(await told({ kind: "frame", bus, id, flags, data: hexOf(data), transport: who === "transport" }, signal)),
    state: () => emptyState(bus),
  };
}

function replyOf(reply: DiagnosticsReply): Reply {
  switch (reply.kind) {
    case "answer":
      return { ...reply, pdu: bytesOfHex(reply.pdu) };
    case "negative":
    case "silent":
      return reply;
    default:
      return commonOf(reply);
  }
}

function functionalReplyOf(reply: DiagnosticsReply): FunctionalReply {
  if (reply.kind !== "answers") return commonOf(reply);
  return { kind: "answers", answers: reply.answers.map((one) => ({ ...one, pdu: bytesOfHex(one.pdu) })) };
}

function sentOf(reply: DiagnosticsReply): SentFrame {
  return reply.kind === "sent" ? { kind: "sent" } : commonOf(reply);
}

/** What every kind of request may end in. Throws `input.malformed` for what this kind does not. */
function commonOf(reply: DiagnosticsReply): Withheld | { readonly kind: "fault"; readonly fault: AgentError } {
  if (reply.kind === "withheld") return reply;
  if (reply.kind === "fault") {
    const { code, what, remedy } = reply;
    return { kind: "fault", fault: new AgentError(code, { what, remedy }) };
  }
  throw new AgentError("input.malformed", {
    what: `the running agent answers with ${reply.kind}, which is no answer to this`,
    remedy: "use the causeway program of the same version as the running agent",
  });
}
