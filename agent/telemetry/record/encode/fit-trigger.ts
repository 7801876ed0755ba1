import type { TriggerContext, TriggerReport } from "./trigger.ts";

/** An expression is cut to this where its record would be too long, and names of values and texts are cut to it always. */
const MAX_TEXT_CHARACTERS = 500;

/**
 * `report` as its record holds it: what is too long for `maxBytes` is left out and counted, later marks first, then values and trouble
 * codes from the last on, and in the end what is beyond the first characters of the expression. `bytesOf` gives the length of a body.
 */
export function fitTrigger(
  report: TriggerReport,
  maxBytes: number,
  bytesOf: (report: TriggerReport) => number,
): TriggerReport {
  let fitted = withShortTexts(report);
  while (bytesOf(fitted) > maxBytes && fitted.capture.marksUs.length > 0) fitted = withFewerMarks(fitted);
  while (bytesOf(fitted) > maxBytes && fitted.cause.values.length > 0) fitted = withFewerValues(fitted);
  while (bytesOf(fitted) > maxBytes && fitted.context !== undefined && fitted.context.dtcs.length > 0) {
    fitted = { ...fitted, context: withFewerCodes(fitted.context) };
  }
  if (bytesOf(fitted) <= maxBytes) return fitted;
  const { cause } = fitted;
  return { ...fitted, cause: { ...cause, expression: cause.expression.slice(0, MAX_TEXT_CHARACTERS) } };
}

function withShortTexts(report: TriggerReport): TriggerReport {
  const values = report.cause.values.map(({ name, value, ...rest }) => ({
    ...rest,
    name: name.slice(0, MAX_TEXT_CHARACTERS),
    value: typeof value === "string" ? value.slice(0, MAX_TEXT_CHARACTERS) : value,
  }));
  return { ...report, cause: { ...report.cause, values } };
}

function withFewerMarks(report: TriggerReport): TriggerReport {
  const { capture } = report;
  const keep = Math.floor(capture.marksUs.length / 2);
  const marksDropped = capture.marksDropped + capture.marksUs.length - keep;
  return { ...report, capture: { ...capture, marksUs: capture.marksUs.slice(0, keep), marksDropped } };
}

function withFewerValues(report: TriggerReport): TriggerReport {
  const { cause } = report;
  const keep = Math.floor(cause.values.length / 2);
  const valuesDropped = (cause.valuesDropped ?? 0) + cause.values.length - keep;
  return { ...report, cause: { ...cause, values: cause.values.slice(0, keep), valuesDropped } };
}

function withFewerCodes(context: TriggerContext): TriggerContext {
  const keep = Math.floor(context.dtcs.length / 2);
  const dtcsDropped = (context.dtcsDropped ?? 0) + context.dtcs.length - keep;
  return { ...context, dtcs: context.dtcs.slice(0, keep), dtcsDropped };
}
