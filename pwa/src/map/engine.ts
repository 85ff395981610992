/**
 * MapLibre itself, behind one small class. This file and what it imports are the lazy chunk; nothing
 * else may import it but by `import()`.
 */
import { AttributionControl, Map as GlMap, NavigationControl, ScaleControl, setWorkerUrl } from 'maplibre-gl'
import 'maplibre-gl/dist/maplibre-gl.css'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url'

import contextUrl from '../../../data/caoyang_context.geojson?url'
import { toWgs84 } from '../core/geo'
import { Features } from './features'
import { boundsOf } from './geometry'
import { drawIcons } from './icons'
import { mapStyle, TAPPED_LAYERS, type LiveSource } from './layers'
import { mapWords } from './messages'
import type { FeatureCollection } from 'geojson'
import type { GeoJSONSource, PointLike } from 'maplibre-gl'
import type { Datum, Framed, Lang, Rectangle, Scene, Selected, TileSettings } from './types'

setWorkerUrl(workerUrl) // without it the map stays blank

/** Something on the map does not work, yet the map does. */
export type MapNotice = 'background' | 'tiles' | 'bd09'

export interface EngineEvents {
  select: (selected: Selected) => void
  notice: (notice: MapNotice) => void
  ready: () => void
  /** The view came to rest; what is in sight now, WGS-84. */
  moved: (inSight: Rectangle) => void
}

/** Where the view starts before there is anything to fit: the demo street's middle. */
const START: [number, number] = [121.403, 31.2412]
const CLOSEST_FIT = 17.2
const FINGER_PX = 10

/** The datum that geometry must be drawn in to lie right on the tiles; see `bd09` in the messages. */
export function displayDatum(tiles: TileSettings): Datum {
  return tiles.tile_url !== '' && tiles.tile_datum === 'gcj02' ? 'gcj02' : 'wgs84'
}

/** True where the browser can draw it at all. */
export function hasWebGl(): boolean {
  return document.createElement('canvas').getContext('webgl2') !== null
}

/** One map in one element. */
export class MapEngine {
  private readonly map: GlMap
  private readonly datum: Datum
  private features: Features
  private background: FeatureCollection | null = null
  private loaded = false

  constructor(
    container: HTMLElement,
    private scene: Scene,
    tiles: TileSettings,
    private readonly events: EngineEvents,
  ) {
    this.datum = displayDatum(tiles)
    this.features = new Features(this.datum, scene.lang)
    const drawable = tiles.tile_datum === 'bd09' ? '' : tiles.tile_url
    if (tiles.tile_url !== '' && drawable === '') events.notice('bd09')
    this.map = new GlMap({
      container,
      style: mapStyle(drawable, tiles.tile_attribution),
      center: this.features.pair({ lon: START[0], lat: START[1] }),
      zoom: 13.6,
      minZoom: 11,
      maxZoom: 20,
      dragRotate: false,
      pitchWithRotate: false,
      attributionControl: false,
      locale: locale(scene.lang),
      fadeDuration: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 300,
    })
    this.map.touchZoomRotate.disableRotation()
    this.map.addControl(new NavigationControl({ showCompass: false }), 'top-right')
    this.map.addControl(new ScaleControl({ unit: 'metric' }), 'bottom-left')
    this.map.addControl(new AttributionControl({ compact: false }), 'bottom-right')
    this.listen()
  }

  /** Draws the parts of the scene that changed. */
  show(scene: Scene): void {
    const before = this.scene
    this.scene = scene
    if (scene.lang !== before.lang) {
      this.features = new Features(this.datum, scene.lang)
      if (this.loaded) this.drawAll()
      return
    }
    if (!this.loaded) return
    const changed = (...parts: (keyof Scene)[]): boolean => parts.some((part) => scene[part] !== before[part])
    if (changed('outlines')) this.drawOutlines()
    if (changed('checkpoints', 'selectedId')) this.drawCheckpoints()
    if (changed('checkIns', 'selectedId')) this.drawCheckIns()
    if (changed('track', 'gaps')) this.drawTrack()
    if (changed('people', 'selectedId')) this.drawPeople()
    if (changed('cases', 'selectedId')) this.drawCases()
    if (changed('me')) this.set('me', this.features.me(scene.me))
    if (changed('checkIns', 'people', 'me')) this.drawAccuracies()
  }

  /** Moves the view so that all positions (WGS-84) and their circles are in it. */
  fit(framed: readonly Framed[], animated: boolean): void {
    const bounds = boundsOf(
      framed.map((at) => {
        const [lon, lat] = this.features.pair(at)
        return { lat, lon, radius_m: at.radius_m ?? null }
      }),
    )
    if (bounds === null) return
    const { clientWidth, clientHeight } = this.map.getContainer()
    const padding = Math.min(56, clientWidth / 6, clientHeight / 6)
    this.map.fitBounds(bounds, { padding, maxZoom: CLOSEST_FIT, animate: animated, duration: 600 })
  }

  close(): void {
    this.loaded = false // what is still on its way (the background) finds nothing to draw on
    this.map.remove()
  }

  private listen(): void {
    this.map.on('load', () => {
      for (const { name, image, pixelRatio } of drawIcons(2)) this.map.addImage(name, image, { pixelRatio })
      this.loaded = true
      this.drawAll()
      void this.loadBackground()
      this.events.ready()
      this.events.moved(this.inSight())
    })
    this.map.on('moveend', () => this.events.moved(this.inSight()))
    this.map.on('error', (event) => {
      if ('sourceId' in event && event.sourceId === 'tiles') this.events.notice('tiles')
      else throw event.error
    })
    this.map.on('click', (event) => {
      const hit = this.hit([event.point.x, event.point.y])
      if (hit !== null) this.events.select(hit)
    })
    this.map.on('mousemove', (event) => {
      const over = this.hit([event.point.x, event.point.y]) !== null
      this.map.getCanvas().style.cursor = over ? 'pointer' : ''
    })
  }

  private inSight(): Rectangle {
    const bounds = this.map.getBounds()
    const low = toWgs84({ lat: bounds.getSouth(), lon: bounds.getWest() }, this.datum)
    const high = toWgs84({ lat: bounds.getNorth(), lon: bounds.getEast() }, this.datum)
    return { west: low.lon, south: low.lat, east: high.lon, north: high.lat }
  }

  private hit([x, y]: [number, number]): Selected | null {
    if (!this.loaded) return null
    const box: [PointLike, PointLike] = [
      [x - FINGER_PX, y - FINGER_PX],
      [x + FINGER_PX, y + FINGER_PX],
    ]
    const [found] = this.map.queryRenderedFeatures(box, { layers: [...TAPPED_LAYERS] })
    if (found === undefined) return null
    const { kind, id } = found.properties as { kind: Selected['kind']; id: string }
    return { kind, id }
  }

  private async loadBackground(): Promise<void> {
    try {
      const answer = await fetch(contextUrl)
      if (!answer.ok) throw new Error(`background: ${String(answer.status)}`)
      this.background = (await answer.json()) as FeatureCollection
    } catch {
      this.events.notice('background') // offline and not yet cached: boundaries are drawn all the same
      return
    }
    if (this.loaded) this.set('context', this.features.moved(this.background))
  }

  private drawAll(): void {
    if (this.background !== null) this.set('context', this.features.moved(this.background))
    this.drawOutlines()
    this.drawCheckpoints()
    this.drawCheckIns()
    this.drawTrack()
    this.drawPeople()
    this.drawCases()
    this.set('me', this.features.me(this.scene.me))
    this.drawAccuracies()
  }

  private drawOutlines(): void {
    this.set('outlines', this.features.outlines(this.scene.outlines))
    this.set('outline-labels', this.features.outlineLabels(this.scene.outlines))
  }

  private drawCheckpoints(): void {
    const { checkpoints, selectedId } = this.scene
    this.set('radii', this.features.radii(checkpoints, selectedId))
    this.set('checkpoints', this.features.checkpoints(checkpoints, selectedId))
  }

  private drawCheckIns(): void {
    this.set('check-ins', this.features.checkIns(this.scene.checkIns, this.scene.selectedId))
  }

  private drawTrack(): void {
    this.set('track', this.features.track(this.scene.track, this.scene.gaps))
  }

  private drawPeople(): void {
    this.set('people', this.features.people(this.scene.people, this.scene.selectedId))
  }

  private drawCases(): void {
    const { cases, selectedId } = this.scene
    this.set('case-circles', this.features.caseCircles(cases))
    this.set('cases', this.features.cases(cases, selectedId))
  }

  private drawAccuracies(): void {
    const { checkIns, people, me } = this.scene
    this.set('accuracies', this.features.accuracies(checkIns, people, me))
  }

  private set(source: LiveSource, data: FeatureCollection): void {
    const found = this.map.getSource<GeoJSONSource>(source)
    if (found === undefined) throw new Error(`the style has no source ${source}`)
    void found.setData(data)
  }
}

function locale(lang: Lang): Record<string, string> {
  const words = mapWords(lang)
  return {
    'Map.Title': words.label,
    'NavigationControl.ZoomIn': words.zoomIn,
    'NavigationControl.ZoomOut': words.zoomOut,
  }
}
