/** How high the bar at the bottom of the screen is, as `--bottom-bar`: what floats stays above it. */
import type { Directive } from 'vue'

const bars = new Set<Element>()
const observer = new ResizeObserver(measure)

function measure(): void {
  const heights = [...bars].map((bar) => bar.getBoundingClientRect().height)
  document.documentElement.style.setProperty('--bottom-bar', `${Math.max(0, ...heights)}px`)
}

/** `v-bottom-bar` on an element that sticks to the bottom edge. */
export const vBottomBar: Directive<HTMLElement> = {
  mounted(bar) {
    bars.add(bar)
    observer.observe(bar)
  },
  unmounted(bar) {
    bars.delete(bar)
    observer.unobserve(bar)
    measure()
  },
}
