/** Turns what the apps know into the GeoJSON that the layers draw. Pure; converts to the map's datum. */
import { fromWgs84 } from '../core/geo'
import { circleRing, cutTrack, labelPosition } from './geometry'
import { CASE_LOOKS, STOP_LOOKS, checkInLook, type CheckInLook } from './looks'
import { mapWords } from './messages'
import type { Feature, FeatureCollection, Geometry, Position as Pair } from 'geojson'
import type {
  CaseLook,
  Datum,
  Lang,
  MapCase,
  MapCheckIn,
  MapCheckpoint,
  MapFix,
  MapGap,
  MapMe,
  MapPerson,
  Outlines,
  Position,
} from './types'

const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] }

/** The ones that need a person come on top where marks cover each other. */
const ON_TOP: Record<CheckInLook, number> = { verified: 0, accepted: 1, rejected: 2, answered: 3, pending: 4 }

const CASE_ON_TOP: Record<CaseLook, number> = { dropped: -1, ended: 0, held: 1, checking: 2, working: 3, waiting: 4, late: 5 }

/** Builds the sources of the map in one display datum and one language. */
export class Features {
  constructor(
    private readonly datum: Datum,
    private readonly lang: Lang,
  ) {}

  /** Any GeoJSON in WGS-84, moved to the display datum. */
  moved(collection: FeatureCollection): FeatureCollection {
    if (this.datum === 'wgs84') return collection
    return {
      ...collection,
      features: collection.features.map((one) => ({ ...one, geometry: this.movedGeometry(one.geometry) })),
    }
  }

  outlines(outlines: Outlines | null): FeatureCollection {
    return outlines === null ? NOTHING : this.moved(outlines)
  }

  outlineLabels(outlines: Outlines | null): FeatureCollection {
    return collect(
      (outlines?.features ?? []).map((outline) =>
        this.point(labelPosition(outline), {
          level: outline.properties.level,
          name: this.named(outline.properties.name, outline.properties.name_en),
        }),
      ),
    )
  }

  checkpoints(checkpoints: readonly MapCheckpoint[], selectedId: string | null): FeatureCollection {
    return collect(
      checkpoints.map((one) => {
        const state = one.state ?? 'none'
        const signed = STOP_LOOKS[state].sign !== ''
        const number = one.ordinal === undefined ? '' : String(one.ordinal)
        const name = this.named(one.name, one.name_en)
        return this.point(one, {
          id: one.id,
          kind: 'checkpoint',
          name: signed && number !== '' ? `${number} · ${name}` : name,
          state,
          number: signed ? '' : number,
          selected: one.id === selectedId,
        })
      }),
    )
  }

  radii(checkpoints: readonly MapCheckpoint[], selectedId: string | null): FeatureCollection {
    return collect(
      checkpoints.map((one) =>
        this.circle(one, one.radius_m, { state: one.state ?? 'none', selected: one.id === selectedId }),
      ),
    )
  }

  checkIns(checkIns: readonly MapCheckIn[], selectedId: string | null): FeatureCollection {
    return collect(
      checkIns.map((one) => {
        const look = checkInLook(one.grade, one.review_state)
        const selected = one.id === selectedId
        return this.point(one, { id: one.id, kind: 'check_in', look, selected, rank: selected ? 9 : ON_TOP[look] })
      }),
    )
  }

  /** Accuracy circles of check-ins, people and the person holding the phone. */
  accuracies(
    checkIns: readonly MapCheckIn[],
    people: readonly MapPerson[],
    me: MapMe | null,
  ): FeatureCollection {
    const circles: Feature[] = []
    for (const one of checkIns) {
      if (typeof one.accuracy_m === 'number') {
        circles.push(this.circle(one, one.accuracy_m, { of: checkInLook(one.grade, one.review_state) }))
      }
    }
    for (const one of people) {
      if (one.accuracy_m !== null) circles.push(this.circle(one, one.accuracy_m, { of: 'person' }))
    }
    if (me !== null) circles.push(this.circle(me, me.accuracy_m, { of: 'me' }))
    return collect(circles)
  }

  people(people: readonly MapPerson[], selectedId: string | null): FeatureCollection {
    return collect(
      people.map((one) =>
        this.point(one, {
          id: one.user_id,
          kind: 'person',
          name: this.named(one.display_name, one.display_name_en),
          selected: one.user_id === selectedId,
        }),
      ),
    )
  }

  cases(cases: readonly MapCase[], selectedId: string | null): FeatureCollection {
    return collect(
      cases.map((one) => {
        const { id, name, look } = one
        const selected = id === selectedId
        return this.point(one, { id, kind: 'case', name, look, selected, rank: selected ? 9 : CASE_ON_TOP[look] })
      }),
    )
  }

  /** The circles inside which one counts as on scene. */
  caseCircles(cases: readonly MapCase[]): FeatureCollection {
    return collect(
      cases.flatMap((one) =>
        typeof one.radius_m === 'number' ? [this.circle(one, one.radius_m, { colour: CASE_LOOKS[one.look].fill })] : [],
      ),
    )
  }

  me(me: MapMe | null): FeatureCollection {
    return me === null ? NOTHING : collect([this.point(me, {})])
  }

  track(fixes: readonly MapFix[], gaps: readonly MapGap[]): FeatureCollection {
    const features: Feature[] = []
    for (const stretch of cutTrack(fixes, gaps)) {
      const coordinates = stretch.positions.map((at) => this.pair(at))
      features.push({
        type: 'Feature',
        properties: { kind: stretch.kind },
        geometry: { type: 'LineString', coordinates },
      })
      if (stretch.kind === 'gap') features.push(this.gapLabel(stretch.positions, stretch.cause, stretch.minutes))
    }
    const [first, last] = [fixes[0], fixes.at(-1)]
    if (first !== undefined) features.push(this.point(first, { kind: 'start', text: mapWords(this.lang).start }))
    if (last !== undefined && fixes.length > 1) {
      features.push(this.point(last, { kind: 'end', text: mapWords(this.lang).end }))
    }
    return collect(features)
  }

  /** One position as a lon/lat pair of the display datum. */
  pair(at: Position): [number, number] {
    const shown = fromWgs84({ lat: at.lat, lon: at.lon }, this.datum)
    return [shown.lon, shown.lat]
  }

  private gapLabel(ends: readonly Position[], cause: string, minutes: number): Feature {
    const [from, to] = [ends[0] as Position, ends[1] as Position]
    const middle = { lat: (from.lat + to.lat) / 2, lon: (from.lon + to.lon) / 2 }
    return this.point(middle, { kind: 'gap_label', text: mapWords(this.lang).gap(cause, minutes) })
  }

  private named(name: string, nameEn: string): string {
    return this.lang === 'en' && nameEn !== '' ? nameEn : name
  }

  private point(at: Position, properties: Record<string, unknown>): Feature {
    return { type: 'Feature', properties, geometry: { type: 'Point', coordinates: this.pair(at) } }
  }

  private circle(at: Position, radiusM: number, properties: Record<string, unknown>): Feature {
    const ring = circleRing(at, radiusM).map(([lon, lat]) => this.pair({ lat, lon }))
    return { type: 'Feature', properties, geometry: { type: 'Polygon', coordinates: [ring] } }
  }

  private movedGeometry(geometry: Geometry): Geometry {
    if (geometry.type === 'GeometryCollection') {
      return { ...geometry, geometries: geometry.geometries.map((part) => this.movedGeometry(part)) }
    }
    return { ...geometry, coordinates: this.movedPairs(geometry.coordinates) } as Geometry
  }

  private movedPairs(pairs: Pair | Pair[] | Pair[][] | Pair[][][]): unknown {
    if (typeof pairs[0] === 'number') {
      const [lon, lat] = pairs as Pair
      return this.pair({ lat: lat ?? 0, lon: lon ?? 0 })
    }
    return (pairs as Pair[][]).map((part) => this.movedPairs(part))
  }
}

function collect(features: Feature[]): FeatureCollection {
  return { type: 'FeatureCollection', features }
}
