/**
 * Distances and datums: the TypeScript side of `app/core/geo.py`. Pure.
 *
 * Everything in the apps is WGS-84. GCJ-02 and BD-09 serve display on maps that use them, nothing
 * else; `tests/data/coord_vectors.csv` holds both sides to the same figures.
 */
export type Datum = 'wgs84' | 'gcj02' | 'bd09'

export interface LatLon {
  lat: number
  lon: number
}

/** Mean radius, IUGG. */
export const EARTH_RADIUS_M = 6_371_008.8
// Krasovsky 1940 ellipsoid, which the GCJ-02 offset is computed on
const GCJ_A = 6_378_245.0
const GCJ_EE = 0.006_693_421_622_965_943
const BD_PI = (Math.PI * 3000) / 180

/** Where GCJ-02 shifts at all: west, south, east, north. */
export const CHINA_BOUNDS = [72.004, 0.8293, 137.8347, 55.8271] as const

const radians = (degrees: number): number => (degrees * Math.PI) / 180

/** Great-circle distance in metres (haversine). */
export function distanceM(a: LatLon, b: LatLon): number {
  const phiA = radians(a.lat)
  const phiB = radians(b.lat)
  const half =
    Math.sin((phiB - phiA) / 2) ** 2 +
    Math.cos(phiA) * Math.cos(phiB) * Math.sin(radians(b.lon - a.lon) / 2) ** 2
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(half)))
}

/** The position that lies `distance` metres from `from` in direction `bearing` (degrees, 0 is north). */
export function destination(from: LatLon, distance: number, bearing: number): LatLon {
  const delta = distance / EARTH_RADIUS_M
  const theta = radians(bearing)
  const phi = radians(from.lat)
  const sinPhi = Math.sin(phi) * Math.cos(delta) + Math.cos(phi) * Math.sin(delta) * Math.cos(theta)
  const lambda =
    radians(from.lon) +
    Math.atan2(
      Math.sin(theta) * Math.sin(delta) * Math.cos(phi),
      Math.cos(delta) - Math.sin(phi) * sinPhi,
    )
  return { lat: (Math.asin(sinPhi) * 180) / Math.PI, lon: (lambda * 180) / Math.PI }
}

/** True inside the rectangle where GCJ-02 is defined. */
export function inChina({ lat, lon }: LatLon): boolean {
  const [west, south, east, north] = CHINA_BOUNDS
  return west <= lon && lon <= east && south <= lat && lat <= north
}

function gcjOffset(lat: number, lon: number): LatLon {
  const { PI, abs, cos, sin, sqrt } = Math
  const x = lon - 105
  const y = lat - 35
  const ripple = 20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)
  let dLat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
  dLat += (ripple * 2) / 3
  dLat += ((20 * sin(y * PI) + 40 * sin((y / 3) * PI)) * 2) / 3
  dLat += ((160 * sin((y / 12) * PI) + 320 * sin((y * PI) / 30)) * 2) / 3
  let dLon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
  dLon += (ripple * 2) / 3
  dLon += ((20 * sin(x * PI) + 40 * sin((x / 3) * PI)) * 2) / 3
  dLon += ((150 * sin((x / 12) * PI) + 300 * sin((x / 30) * PI)) * 2) / 3
  const phi = radians(lat)
  const magic = 1 - GCJ_EE * sin(phi) ** 2
  return {
    lat: (dLat * 180) / (((GCJ_A * (1 - GCJ_EE)) / (magic * sqrt(magic))) * PI),
    lon: (dLon * 180) / ((GCJ_A / sqrt(magic)) * cos(phi) * PI),
  }
}

/** In GCJ-02; outside China unchanged. */
export function wgs84ToGcj02(at: LatLon): LatLon {
  if (!inChina(at)) return { lat: at.lat, lon: at.lon }
  const offset = gcjOffset(at.lat, at.lon)
  return { lat: at.lat + offset.lat, lon: at.lon + offset.lon }
}

/** In WGS-84, by iteration, to about a nanodegree. */
export function gcj02ToWgs84(at: LatLon): LatLon {
  const guess = { lat: at.lat, lon: at.lon }
  if (!inChina(at)) return guess
  for (let turn = 0; turn < 30; turn += 1) {
    const back = wgs84ToGcj02(guess)
    if (Math.abs(back.lat - at.lat) < 1e-9 && Math.abs(back.lon - at.lon) < 1e-9) break
    guess.lat -= back.lat - at.lat
    guess.lon -= back.lon - at.lon
  }
  return guess
}

/** In Baidu's BD-09. */
export function gcj02ToBd09({ lat, lon }: LatLon): LatLon {
  const z = Math.hypot(lon, lat) + 0.00002 * Math.sin(lat * BD_PI)
  const theta = Math.atan2(lat, lon) + 0.000003 * Math.cos(lon * BD_PI)
  return { lat: z * Math.sin(theta) + 0.006, lon: z * Math.cos(theta) + 0.0065 }
}

/** In GCJ-02, from Baidu's BD-09. */
export function bd09ToGcj02({ lat, lon }: LatLon): LatLon {
  const x = lon - 0.0065
  const y = lat - 0.006
  const z = Math.hypot(x, y) - 0.00002 * Math.sin(y * BD_PI)
  const theta = Math.atan2(y, x) - 0.000003 * Math.cos(x * BD_PI)
  return { lat: z * Math.sin(theta), lon: z * Math.cos(theta) }
}

/** In WGS-84, from any datum. */
export function toWgs84(at: LatLon, datum: Datum): LatLon {
  if (datum === 'gcj02') return gcj02ToWgs84(at)
  if (datum === 'bd09') return gcj02ToWgs84(bd09ToGcj02(at))
  return { lat: at.lat, lon: at.lon }
}

/** In `datum`, for display only. */
export function fromWgs84(at: LatLon, datum: Datum): LatLon {
  if (datum === 'gcj02') return wgs84ToGcj02(at)
  if (datum === 'bd09') return gcj02ToBd09(wgs84ToGcj02(at))
  return { lat: at.lat, lon: at.lon }
}
