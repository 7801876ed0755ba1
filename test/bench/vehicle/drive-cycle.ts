/** What the simulated vehicle does at one moment. */
export type Drive = {
  readonly seconds: number;
  readonly speedKph: number;
  readonly accelerationMps2: number;
  readonly distanceM: number;
  /** 0 in neutral, 1..6. */
  readonly gear: number;
  readonly engineRpm: number;
  readonly throttlePercent: number;
  readonly brakePercent: number;
  /** Hand wheel, degrees, left positive. */
  readonly steeringDeg: number;
  readonly yawRateDegPerS: number;
  /** 0 cold .. 1 at working temperature. */
  readonly warmth: number;
  /** Angle on the round course, radians. */
  readonly courseAngle: number;
};

/** Speed over time, km/h at seconds: town, country road, motorway, and back to standstill. Repeats for ever. */
const PROFILE: readonly (readonly [seconds: number, kph: number])[] = [
  [0, 0],
  [4, 0],
  [15, 50],
  [35, 52],
  [42, 20],
  [50, 60],
  [70, 95],
  [95, 128],
  [120, 120],
  [135, 70],
  [150, 45],
  [160, 0],
  [168, 0],
];
const CYCLE_SECONDS = 168;
/** Upper speed of gears 1 to 5, km/h. */
const SHIFT_KPH = [18, 35, 55, 78, 105];
/** Engine speed for each km/h, by gear. */
const RPM_PER_KPH = [0, 120, 68, 45, 33, 26, 21];
const IDLE_RPM = 780;
const COURSE_RADIUS_M = 2000;
const WARM_UP_SECONDS = 240;

/** The moment `seconds` after the start, for any time from 0. Pure: equal times give equal moments. */
export function driveAt(seconds: number): Drive {
  const cycles = Math.floor(seconds / CYCLE_SECONDS);
  const inCycle = seconds - cycles * CYCLE_SECONDS;
  const { speedKph, accelerationMps2, distanceM } = profileAt(inCycle);
  const total = cycles * profileAt(CYCLE_SECONDS).distanceM + distanceM;
  const gear = speedKph < 0.5 ? 0 : 1 + SHIFT_KPH.filter((limit) => speedKph > limit).length;
  const courseAngle = total / COURSE_RADIUS_M;
  const swing = Math.sin(seconds / 7) * 6 + Math.sin(seconds / 2.3) * 1.5;
  return {
    seconds,
    speedKph,
    accelerationMps2,
    distanceM: total,
    gear,
    engineRpm: Math.max(IDLE_RPM, speedKph * RPM_PER_KPH[gear]) + Math.sin(seconds * 3) * 12,
    throttlePercent: Math.min(100, Math.max(0, accelerationMps2 * 28 + speedKph * 0.22)),
    brakePercent: Math.min(100, Math.max(0, -accelerationMps2 * 22)),
    steeringDeg: 12 + swing,
    yawRateDegPerS: ((speedKph / 3.6 / COURSE_RADIUS_M) * 180) / Math.PI + swing * 0.08,
    warmth: 1 - Math.exp(-seconds / WARM_UP_SECONDS),
    courseAngle,
  };
}

type Motion = { readonly speedKph: number; readonly accelerationMps2: number; readonly distanceM: number };

/** Between two points of the profile the speed follows half a cosine, so that acceleration has no steps and distance a closed form. */
function profileAt(inCycle: number): Motion {
  let distanceM = 0;
  for (let index = 1; index < PROFILE.length; index++) {
    const [from, fromKph] = PROFILE[index - 1];
    const [to, toKph] = PROFILE[index];
    const spanS = to - from;
    const x = Math.min(1, (inCycle - from) / spanS);
    const rise = toKph - fromKph;
    distanceM += (spanS / 3.6) * (fromKph * x + (rise / 2) * (x - Math.sin(Math.PI * x) / Math.PI));
    if (inCycle > to && index < PROFILE.length - 1) continue;
    return {
      speedKph: fromKph + (rise / 2) * (1 - Math.cos(Math.PI * x)),
      accelerationMps2: (rise / 3.6 / spanS) * (Math.PI / 2) * Math.sin(Math.PI * x),
      distanceM,
    };
  }
  return { speedKph: 0, accelerationMps2: 0, distanceM };
}
