/**
 * Months by the first letters of their names, accents left away, in the languages that Windows writes them in: English, German, French,
 * Spanish, Italian, Portuguese. A letter that was no UTF-8 (the ä of a German Mär) is left away too.
 */
const MONTHS: readonly (readonly string[])[] = [
  ["jan", "ene", "gen"],
  ["feb", "fev", "fv"],
  ["mar", "mrz", "mr", "mae"],
  ["apr", "avr", "abr"],
  ["may", "mai", "mag"],
  ["jun", "juin", "giu"],
  ["jul", "juil", "lug"],
  ["aug", "aou", "aot", "ago"],
  ["sep", "set"],
  ["oct", "okt", "ott", "out"],
  ["nov"],
  ["dec", "dez", "dic", "dc"],
];

/**
 * A date as Vector's tools write it in the language of the machine, in µs since the Unix epoch; undefined when it makes no sense:
 * `Sam Sep 30 15:06:13.191 2017`, `Thu Apr 28 10:44:52.480 am 2022`, `Sat Sep 30 15:06:13.191 pm 2017` (both kinds of hour at once),
 * `30.09.2017 15:06:13`, `2017-09-30 15:06:13`. It names no zone and is read as UTC.
 */
export function parseAscDate(text: string): number | undefined {
  const words = text.slice(0, 100).trim().split(/\s+/);
  const time = words
    .map((word) => /^(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d{1,9}))?$/.exec(word))
    .find((match) => match !== null);
  const date = dateOf(words);
  if (time === undefined || date === undefined) return undefined;
  const hour = hourOf(Number(time[1]), words);
  const [minute, second] = [Number(time[2]), Number(time[3])];
  const startMs = Date.UTC(date.year, date.month, date.day, hour, minute, second);
  const isReal = hour < 24 && minute < 60 && second < 60 && new Date(startMs).getUTCDate() === date.day;
  return isReal ? startMs * 1000 + Number((time[4] ?? "").padEnd(6, "0").slice(0, 6)) : undefined;
}

type CalendarDate = { readonly year: number; readonly month: number; readonly day: number };

/** `month` counts from 0. */
function dateOf(words: readonly string[]): CalendarDate | undefined {
  for (const word of words) {
    const german = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(word);
    if (german !== null) return { year: Number(german[3]), month: Number(german[2]) - 1, day: Number(german[1]) };
    const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(word);
    if (iso !== null) return { year: Number(iso[1]), month: Number(iso[2]) - 1, day: Number(iso[3]) };
  }
  const year = words.find((word) => /^\d{4}$/.test(word));
  const day = words.find((word) => /^\d{1,2}\.?$/.test(word));
  // The name of the day stands before the month and can be like one: Mar is Tuesday in French and Spanish.
  const months = words.map(monthOf).filter((month) => month !== undefined);
  const month = months.at(-1);
  if (year === undefined || day === undefined || month === undefined) return undefined;
  return { year: Number(year), month, day: Number.parseInt(day, 10) };
}

function monthOf(word: string): number | undefined {
  const numbered = /^(\d{1,2})月$/.exec(word);
  if (numbered !== null) return Number(numbered[1]) - 1;
  const plain = word
    .normalize("NFD")
    .toLowerCase()
    .replaceAll(/[^a-z]/g, "");
  const index = MONTHS.findIndex((names) =>
    names.some((name) => (name.length < 3 ? plain === name : plain.startsWith(name))),
  );
  return index < 0 ? undefined : index;
}

/** A half of the day counts only with an hour that it fits. */
function hourOf(hour: number, words: readonly string[]): number {
  const half = words.find((word) => /^[ap]\.?m\.?$/i.test(word) || word === "上午" || word === "下午");
  if (half === undefined || hour > 12 || hour === 0) return hour;
  const isAfternoon = half.toLowerCase().startsWith("p") || half === "下午";
  return (hour % 12) + (isAfternoon ? 12 : 0);
}
