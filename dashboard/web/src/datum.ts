import type {Place} from './geo';

// GCJ-02 as all open implementations have it; grid/datum.go names the sources
// and holds the same formulas, and the tests hold both to the same places.
const KRASOVSKY_METRES = 6_378_245;
const KRASOVSKY_ECCENTRICITY = 0.006_693_421_622_965_943;

/** Ends the inverse: a tenth of a millimetre on the ground. */
const CONVERGED_DEGREES = 1e-9;

/** Whether a place lies in the rectangle in which GCJ-02 differs from WGS-84. */
function isShifted(p: Place): boolean {
  return p.latDegrees >= 0.8293 && p.latDegrees <= 55.8271 && p.lonDegrees >= 72.004 && p.lonDegrees <= 137.8347;
}

function forward(p: Place): Place {
  const [x, y] = [p.lonDegrees - 105, p.latDegrees - 35];
  const {PI} = Math;
  const root = Math.sqrt(Math.abs(x));
  const waves = ((20 * Math.sin(6 * x * PI) + 20 * Math.sin(2 * x * PI)) * 2) / 3;
  const north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    + ((20 * Math.sin(y * PI) + 40 * Math.sin((y / 3) * PI)) * 2) / 3
    + ((160 * Math.sin((y / 12) * PI) + 320 * Math.sin((y * PI) / 30)) * 2) / 3;
  const east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    + ((20 * Math.sin(x * PI) + 40 * Math.sin((x / 3) * PI)) * 2) / 3
    + ((150 * Math.sin((x / 12) * PI) + 300 * Math.sin((x / 30) * PI)) * 2) / 3;
  const radians = (p.latDegrees * PI) / 180;
  const w = 1 - KRASOVSKY_ECCENTRICITY * Math.sin(radians) ** 2;
  const meridian = (KRASOVSKY_METRES * (1 - KRASOVSKY_ECCENTRICITY)) / (w * Math.sqrt(w));
  const parallel = (KRASOVSKY_METRES / Math.sqrt(w)) * Math.cos(radians);
  return {latDegrees: p.latDegrees + ((north / meridian) * 180) / PI, lonDegrees: p.lonDegrees + ((east / parallel) * 180) / PI};
}

/** A WGS-84 place as a GCJ-02 map has it; outside the rectangle around China it stays. */
export function toGCJ02(p: Place): Place {
  return isShifted(p) ? forward(p) : p;
}

/** The inverse of toGCJ02, to a millimetre. */
export function fromGCJ02(p: Place): Place {
  if (!isShifted(p)) return p;
  let {latDegrees, lonDegrees} = p;
  for (let round = 0; round < 20; round++) {
    const f = forward({latDegrees, lonDegrees});
    const [dLat, dLon] = [f.latDegrees - p.latDegrees, f.lonDegrees - p.lonDegrees];
    latDegrees -= dLat;
    lonDegrees -= dLon;
    if (Math.abs(dLat) < CONVERGED_DEGREES && Math.abs(dLon) < CONVERGED_DEGREES) break;
  }
  return {latDegrees, lonDegrees};
}
