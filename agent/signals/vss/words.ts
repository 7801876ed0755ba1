/** What abbreviations in names of signals stand for; several words where it may be one of them, or all. */
const ABBREVIATIONS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    acc: "acceleration accelerator",
    accel: "acceleration accelerator",
    act: "actual",
    amb: "ambient",
    ang: "angle",
    avg: "average",
    bat: "battery",
    batt: "battery",
    brk: "brake",
    chg: "charge charging",
    chrg: "charge charging",
    clt: "coolant temperature",
    cns: "consumption",
    cons: "consumption",
    cool: "coolant",
    curr: "current",
    cur: "current",
    dir: "direction",
    dist: "distance",
    drv: "driver",
    ect: "coolant temperature",
    eng: "engine",
    ev: "electric",
    ext: "exterior",
    fl: "row1 left front",
    fr: "row1 right front",
    frnt: "front",
    hum: "humidity",
    hv: "traction battery",
    ign: "ignition",
    int: "interior",
    inst: "instant",
    lat: "lateral latitude",
    lf: "row1 left front",
    lh: "left",
    lng: "longitudinal longitude",
    lon: "longitudinal longitude",
    long: "longitudinal longitude",
    lr: "row2 left rear",
    lt: "left",
    lvl: "level",
    max: "maximum",
    min: "minimum",
    mot: "motor",
    mtr: "motor",
    odo: "traveled distance",
    odometer: "traveled distance",
    outside: "exterior",
    park: "parking",
    passngr: "passenger",
    pct: "percent",
    ped: "pedal",
    pos: "position",
    press: "pressure",
    pres: "pressure",
    prs: "pressure",
    pwr: "power",
    rf: "row1 right front",
    rh: "right",
    rl: "row2 left rear",
    rng: "range",
    rpm: "rpm speed",
    rr: "row2 right rear",
    rt: "right",
    soc: "state charge",
    soh: "state health",
    spd: "speed",
    steer: "steering",
    str: "steering",
    strg: "steering",
    sts: "status",
    stat: "status",
    sw: "switch",
    temp: "temperature",
    tmp: "temperature",
    thr: "throttle",
    thrtl: "throttle",
    tire: "tire wheel",
    tq: "torque",
    tqe: "torque",
    trans: "transmission",
    trip: "trip",
    trq: "torque",
    tyre: "tire wheel",
    vel: "speed velocity",
    volt: "voltage",
    whl: "wheel",
    wndw: "window",
  }).map(([short, words]) => [short, words.split(" ")]),
);

/** Words that say nothing of what is meant. */
const NOISE: ReadonlySet<string> = new Set(
  "is the of a signal sig value val raw actual status flag valid msg message can data info".split(" "),
);

/** The words of a name: "VehSpd_kph" has veh, spd and kph. Digits stand apart, but for those of "Row1". */
function wordsOf(name: string): readonly string[] {
  const pieces = name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .toLowerCase();
  return pieces.match(/row\d+|[a-z]+|\d+/g) ?? [];
}

/** Each word of a signal's name with all that it may stand for; words that say nothing are left out. */
export function meaningsOf(name: string): readonly (readonly string[])[] {
  return wordsOf(name)
    .filter((word) => !NOISE.has(word))
    .map((word) => [stemOf(word), ...(ABBREVIATIONS.get(word) ?? []).map(stemOf)]);
}

/** The words of a path, by its parts, without those that say nothing and those that are there already. */
export function pathWords(path: string): readonly (readonly string[])[] {
  const known = new Set<string>();
  return path.split(".").map((part) =>
    wordsOf(part)
      .filter((word) => !NOISE.has(word))
      .map(stemOf)
      .filter((word) => {
        const isNew = !known.has(word);
        known.add(word);
        return isNew;
      }),
  );
}

/** Plural and singular are one word. */
function stemOf(word: string): string {
  return word.length > 3 && word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word;
}
