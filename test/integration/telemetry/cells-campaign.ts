/** Sends every sample, and counts the same in each kind of cells; periods of 36 s, so that reports come in the midst. */
export const COUNTING = {
  id: "load",
  collect: [
    { signals: "Motion.*", mode: "every", ms: 0 },
    { signals: "Motion.Speed", mode: "histogram", edges: [5, 10], by: "time", everyHours: 0.01 },
    { signals: "Motion.Speed", mode: "histogram", edges: [5, 10], by: "count", everyHours: 0.01 },
    { signals: "Motion.Brake", mode: "duration", everyHours: 0.01 },
    { signals: "Motion.Brake", mode: "counter", of: "changes", everyHours: 0.01 },
  ],
};
