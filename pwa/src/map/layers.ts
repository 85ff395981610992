/** The map's style: what is drawn with which colours, bottom to top. */
import { COLOURS } from './looks'
import type {
  LayerSpecification,
  SourceSpecification,
  StyleSpecification,
  SymbolLayerSpecification,
} from 'maplibre-gl'

/** Sources that take GeoJSON at run time. */
export const LIVE_SOURCES = [
  'context',
  'outlines',
  'outline-labels',
  'radii',
  'accuracies',
  'track',
  'case-circles',
  'checkpoints',
  'check-ins',
  'cases',
  'people',
  'me',
] as const
export type LiveSource = (typeof LIVE_SOURCES)[number]

/** Layers whose marks answer to a tap. */
export const TAPPED_LAYERS = ['people', 'cases', 'check-ins', 'checkpoints'] as const

/** MapLibre draws all letters with the device's own fonts, for no `glyphs` address is given. */
const FONT = ['Noto Sans Regular']
const PAPER = '#f6f4ee'
const INK = '#1b2733'

/** Circles stay round: the default simplification makes polygons of them. */
const FINE = { tolerance: 0.05, maxzoom: 20 } as const

/** The style. `tiles` is an XYZ template in Web Mercator, or empty. */
export function mapStyle(tiles: string, tileAttribution: string): StyleSpecification {
  const sources: Record<string, SourceSpecification> = {}
  for (const name of LIVE_SOURCES) {
    sources[name] = { type: 'geojson', data: { type: 'FeatureCollection', features: [] }, ...FINE }
  }
  sources['context'] = { ...sources['context'], attribution: '© OpenStreetMap contributors' } as SourceSpecification
  if (tiles !== '') {
    sources['tiles'] = {
      type: 'raster',
      tiles: [tiles],
      tileSize: 256,
      maxzoom: 18,
      attribution: escaped(tileAttribution),
    }
  }
  return { version: 8, sources, layers: layers(tiles !== '') }
}

function layers(tiled: boolean): LayerSpecification[] {
  return [
    { id: 'paper', type: 'background', paint: { 'background-color': PAPER } },
    ...contextLayers(),
    ...(tiled ? [{ id: 'tiles', type: 'raster', source: 'tiles' } satisfies LayerSpecification] : []),
    ...outlineLayers(tiled),
    ...circleLayers(),
    ...caseCircleLayers(),
    ...trackLayers(),
    ...markLayers(),
  ]
}

function contextLayers(): LayerSpecification[] {
  const kind = (name: string): ['==', ['get', string], string] => ['==', ['get', 'kind'], name]
  return [
    {
      id: 'neighbours',
      type: 'fill',
      source: 'context',
      filter: kind('neighbour'),
      paint: { 'fill-color': '#e9e6dd', 'fill-outline-color': '#c9c4b6' },
    },
    {
      id: 'elevated-roads',
      type: 'line',
      source: 'context',
      filter: kind('elevated_road'),
      layout: { 'line-cap': 'round' },
      paint: { 'line-color': '#d3c3a0', 'line-width': ['interpolate', ['linear'], ['zoom'], 13, 2.5, 17, 9] },
    },
    {
      id: 'metro',
      type: 'line',
      source: 'context',
      filter: kind('metro'),
      paint: {
        'line-color': '#9fb3bf',
        'line-width': ['interpolate', ['linear'], ['zoom'], 13, 1.5, 17, 4],
        'line-dasharray': [4, 2],
      },
    },
    {
      id: 'neighbour-names',
      type: 'symbol',
      source: 'context',
      filter: kind('neighbour'),
      maxzoom: 15.5,
      layout: { 'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': 13, 'text-letter-spacing': 0.1 },
      paint: { 'text-color': '#5d5a50', 'text-halo-color': PAPER, 'text-halo-width': 1.5 },
    },
    {
      id: 'stations',
      type: 'symbol',
      source: 'context',
      filter: kind('station'),
      minzoom: 13.5,
      layout: { 'text-field': ['concat', 'Ⓜ ', ['get', 'name']], 'text-font': FONT, 'text-size': 12 },
      paint: { 'text-color': '#3f5a69', 'text-halo-color': PAPER, 'text-halo-width': 1.5 },
    },
  ]
}

function outlineLayers(tiled: boolean): LayerSpecification[] {
  const level = (name: string): ['==', ['get', string], string] => ['==', ['get', 'level'], name]
  const line = (
    name: string,
    colour: string,
    width: number,
    dashes?: number[],
  ): LayerSpecification => ({
    id: `outline-${name}`,
    type: 'line',
    source: 'outlines',
    filter: level(name),
    layout: { 'line-join': 'round' },
    paint: {
      'line-color': colour,
      'line-width': width,
      ...(dashes === undefined ? {} : { 'line-dasharray': dashes }),
    },
  })
  const label = (name: string, size: number, from: number, to: number): LayerSpecification => ({
    id: `outline-label-${name}`,
    type: 'symbol',
    source: 'outline-labels',
    filter: level(name),
    minzoom: from,
    maxzoom: to,
    layout: {
      'text-field': ['get', 'name'],
      'text-font': FONT,
      'text-size': size,
      'text-max-width': 8,
      // A name moves aside for the marks above it
      'text-variable-anchor': ['center', 'top', 'bottom', 'left', 'right'],
      'text-radial-offset': 1.6,
    },
    paint: { 'text-color': '#34495a', 'text-halo-color': '#ffffff', 'text-halo-width': 1.8 },
  })
  return [
    {
      id: 'street-fill',
      type: 'fill',
      source: 'outlines',
      filter: level('street'),
      paint: { 'fill-color': '#ffffff', 'fill-opacity': tiled ? 0.25 : 1 },
    },
    line('community', '#b9c3ca', 1),
    line('unit', '#6d8496', 1.4, [5, 3]),
    line('area', '#2f5d84', 2.2),
    line('street', '#123a5f', 3.2),
    label('area', 15, 12, 14.3),
    label('unit', 14, 14.3, 15.6),
    label('community', 13, 15.6, 24),
  ]
}

function circleLayers(): LayerSpecification[] {
  const stateColour = [
    'match',
    ['get', 'state'],
    ['visited', 'picked'],
    COLOURS.green,
    'doubtful',
    COLOURS.orange,
    'skipped',
    COLOURS.slate,
    'next',
    '#a87800',
    COLOURS.blue,
  ] as never
  const ownerColour = [
    'match',
    ['get', 'of'],
    'pending',
    COLOURS.orange,
    'answered',
    COLOURS.purple,
    'rejected',
    COLOURS.dark,
    'verified',
    COLOURS.green,
    COLOURS.blue,
  ] as never
  return [
    {
      id: 'radii',
      type: 'fill',
      source: 'radii',
      minzoom: 14.5,
      paint: { 'fill-color': stateColour, 'fill-opacity': 0.1 },
    },
    {
      id: 'radii-edges',
      type: 'line',
      source: 'radii',
      minzoom: 14.5,
      paint: { 'line-color': stateColour, 'line-width': ['case', ['get', 'selected'], 2.5, 1.2] },
    },
    {
      id: 'accuracies',
      type: 'fill',
      source: 'accuracies',
      paint: { 'fill-color': ownerColour, 'fill-opacity': 0.12 },
    },
    {
      id: 'accuracy-edges',
      type: 'line',
      source: 'accuracies',
      paint: { 'line-color': ownerColour, 'line-width': 1.5, 'line-dasharray': [3, 2] },
    },
  ]
}

function caseCircleLayers(): LayerSpecification[] {
  const colour = ['get', 'colour'] as never
  return [
    { id: 'case-circles', type: 'fill', source: 'case-circles', paint: { 'fill-color': colour, 'fill-opacity': 0.12 } },
    { id: 'case-circle-edges', type: 'line', source: 'case-circles', paint: { 'line-color': colour, 'line-width': 1.8 } },
  ]
}

function trackLayers(): LayerSpecification[] {
  const kind = (name: string): ['==', ['get', string], string] => ['==', ['get', 'kind'], name]
  const text = { 'text-field': ['get', 'text'] as never, 'text-font': FONT, 'text-size': 13 }
  const halo = { 'text-halo-color': '#ffffff', 'text-halo-width': 2 }
  return [
    {
      id: 'track-edge',
      type: 'line',
      source: 'track',
      filter: kind('recorded'),
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': '#ffffff', 'line-width': 6.5 },
    },
    {
      id: 'track',
      type: 'line',
      source: 'track',
      filter: kind('recorded'),
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': COLOURS.blue, 'line-width': 3.6 },
    },
    {
      id: 'gaps',
      type: 'line',
      source: 'track',
      filter: kind('gap'),
      paint: { 'line-color': COLOURS.dark, 'line-width': 2.4, 'line-dasharray': [2, 2] },
    },
    {
      id: 'gap-labels',
      type: 'symbol',
      source: 'track',
      filter: kind('gap_label'),
      layout: {
        ...text,
        'text-allow-overlap': true,
        'text-max-width': 24,
        'text-anchor': 'left',
        'text-offset': [0.6, -0.6],
      },
      paint: { 'text-color': COLOURS.dark, ...halo },
    },
    {
      id: 'track-ends',
      type: 'symbol',
      source: 'track',
      filter: ['in', ['get', 'kind'], ['literal', ['start', 'end']]],
      layout: { ...text, 'text-allow-overlap': true, 'text-anchor': 'bottom-left', 'text-offset': [0.9, -0.5] },
      paint: { 'text-color': '#00407a', ...halo },
    },
  ]
}

const HALO = { 'text-halo-color': '#ffffff', 'text-halo-width': 1.8 }
const BELOW_MARK: SymbolLayerSpecification['layout'] = {
  'text-font': FONT,
  'text-anchor': 'top',
  'text-offset': [0, 1.25],
  'text-optional': true,
}

/** Marks are drawn whatever they cover; names give way. */
const ALWAYS: SymbolLayerSpecification['layout'] = { 'icon-allow-overlap': true }

/** The mark that a property names, larger where it is selected. */
const icon = (prefix: string, property: string): never =>
  ['concat', prefix, ['get', property], ['case', ['get', 'selected'], '-selected', '']] as never

function markLayers(): LayerSpecification[] {
  return [...checkpointLayers(), ...happeningLayers()]
}

function checkpointLayers(): LayerSpecification[] {
  return [
    {
      id: 'checkpoints',
      type: 'symbol',
      source: 'checkpoints',
      layout: { 'icon-image': icon('stop-', 'state'), ...ALWAYS },
    },
    {
      id: 'checkpoint-numbers',
      type: 'symbol',
      source: 'checkpoints',
      layout: {
        'text-field': ['get', 'number'],
        'text-font': FONT,
        'text-size': 14,
        'text-allow-overlap': true,
        'text-ignore-placement': true,
      },
      paint: { 'text-color': ['match', ['get', 'state'], ['picked', 'skipped'], '#ffffff', INK] },
    },
    {
      id: 'checkpoint-names',
      type: 'symbol',
      source: 'checkpoints',
      minzoom: 15.8,
      layout: { 'text-field': ['get', 'name'], 'text-size': 13, 'text-max-width': 9, ...BELOW_MARK },
      paint: { 'text-color': INK, ...HALO },
    },
  ]
}

function happeningLayers(): LayerSpecification[] {
  return [
    {
      id: 'check-ins',
      type: 'symbol',
      source: 'check-ins',
      layout: { 'icon-image': icon('check-in-', 'look'), 'symbol-sort-key': ['get', 'rank'], ...ALWAYS },
    },
    {
      id: 'cases',
      type: 'symbol',
      source: 'cases',
      layout: {
        'icon-image': icon('case-', 'look'),
        'symbol-sort-key': ['get', 'rank'],
        ...ALWAYS,
        'text-field': ['step', ['zoom'], '', 14.5, ['get', 'name']],
        'text-size': 13,
        'text-max-width': 9,
        ...BELOW_MARK,
      },
      paint: { 'text-color': INK, ...HALO },
    },
    {
      id: 'people',
      type: 'symbol',
      source: 'people',
      layout: {
        'icon-image': ['case', ['get', 'selected'], 'person-selected', 'person'],
        ...ALWAYS,
        'text-field': ['get', 'name'],
        'text-size': 14,
        ...BELOW_MARK,
      },
      paint: { 'text-color': '#123a5f', ...HALO },
    },
    { id: 'me', type: 'symbol', source: 'me', layout: { 'icon-image': 'me', ...ALWAYS } },
  ]
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
