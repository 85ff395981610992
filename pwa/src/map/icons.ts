/** Draws the marks of `looks.ts` for the map. Same paths as in the lists, at twice the pixels. */
import { CASE_LOOKS, CHECK_IN_LOOKS, COLOURS, STOP_LOOKS, type Look } from './looks'

const BOX = 24
const HALO = 2

/** An image as MapLibre takes it. */
export interface Icon {
  name: string
  image: ImageData
  pixelRatio: number
}

/** All marks of the map. `size` is the edge in CSS pixels. */
export function drawIcons(pixelRatio: number): Icon[] {
  const icons: Icon[] = []
  for (const [name, look] of Object.entries(CHECK_IN_LOOKS)) {
    icons.push(icon(`check-in-${name}`, look, 26, pixelRatio))
    icons.push(icon(`check-in-${name}-selected`, look, 38, pixelRatio))
  }
  for (const [name, look] of Object.entries(STOP_LOOKS)) {
    icons.push(icon(`stop-${name}`, look, name === 'none' ? 14 : 28, pixelRatio))
    icons.push(icon(`stop-${name}-selected`, look, name === 'none' ? 22 : 40, pixelRatio))
  }
  for (const [name, look] of Object.entries(CASE_LOOKS)) {
    icons.push(icon(`case-${name}`, look, 28, pixelRatio))
    icons.push(icon(`case-${name}-selected`, look, 40, pixelRatio))
  }
  icons.push(icon('person', PERSON, 30, pixelRatio), icon('person-selected', PERSON, 40, pixelRatio))
  icons.push(icon('me', ME, 26, pixelRatio))
  return icons
}

const PERSON: Look = {
  fill: '#123a5f',
  ink: '#fff',
  body: 'M12 0.8A11.2 11.2 0 1 0 12 23.2A11.2 11.2 0 1 0 12 0.8Z',
  sign: 'M12 6A2.6 2.6 0 1 0 12 11.2A2.6 2.6 0 1 0 12 6ZM6.6 18.4C6.6 12.8 17.4 12.8 17.4 18.4Z',
}

const ME: Look = {
  fill: COLOURS.blue,
  ink: '#fff',
  body: 'M12 2A10 10 0 1 0 12 22A10 10 0 1 0 12 2Z',
  sign: 'M12 9A3 3 0 1 0 12 15A3 3 0 1 0 12 9Z',
}

function icon(name: string, look: Look, size: number, pixelRatio: number): Icon {
  const edge = Math.ceil((size + 2 * HALO) * pixelRatio)
  const canvas = document.createElement('canvas')
  canvas.width = edge
  canvas.height = edge
  const context = canvas.getContext('2d')
  if (context === null) throw new Error('no 2d canvas: the marks of the map cannot be drawn')
  context.scale(pixelRatio, pixelRatio)
  context.translate(HALO, HALO)
  context.scale(size / BOX, size / BOX)
  context.lineJoin = 'round'
  context.lineCap = 'round'
  const body = new Path2D(look.body)
  // A halo in the colour of paper keeps a mark legible on any ground
  context.lineWidth = 3.4
  context.strokeStyle = look.ink === '#fff' ? '#fff' : look.ink
  context.stroke(body)
  context.fillStyle = look.fill
  context.fill(body)
  if (look.sign !== '') {
    context.lineWidth = 2.6
    context.strokeStyle = look.ink
    context.stroke(new Path2D(look.sign))
  }
  return { name, image: context.getImageData(0, 0, edge, edge), pixelRatio }
}
