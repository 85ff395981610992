// What is wrong with the page as it stands: a list of sentences. Runs in the page.
(want) => {
  const problems = []
  const say = (what, element, more) => {
    const words = (element.innerText || element.getAttribute('aria-label') || element.tagName).trim().slice(0, 40)
    problems.push(`${what}: “${words}” <${element.tagName.toLowerCase()} class="${element.getAttribute('class') || ''}"> ${more}`)
  }
  const seen = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest('.visually-hidden')

  const scrolls = document.scrollingElement
  if (scrolls.scrollWidth > innerWidth) problems.push(`scrolls sideways: ${scrolls.scrollWidth} px on ${innerWidth} px`)

  // Where a dialog is open, everything else is out of reach
  const root = document.querySelector('dialog[open]') ?? document.body

  const parse = (colour) => {
    const [r, g, b, a = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number)
    return [r, g, b, a]
  }
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1)
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const ground = (element) => {
    const layers = []
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor)
      if (colour[3] > 0) layers.push(colour)
      if (colour[3] === 1) break
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1])
  }

  const texts = []
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  const judged = new Set()
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim()
    const element = walker.currentNode.parentElement
    if (!text || !element || ['SCRIPT', 'STYLE', 'NOSCRIPT', 'OPTION'].includes(element.tagName) || !seen(element)) continue
    texts.push(text)
    if (judged.has(element)) continue
    judged.add(element)
    const style = getComputedStyle(element)
    if (parseFloat(style.fontSize) < 14) say('small text', element, style.fontSize)
    // A number on a drawn mark: the drawing is its ground, and the legend's pictures show it
    if (style.position === 'absolute' && element.parentElement.querySelector(':scope > svg')) continue
    const below = ground(element)
    const [a, b] = [light(over(parse(style.color), below)), light(below)].sort((x, y) => y - x)
    const contrast = (a + 0.05) / (b + 0.05)
    if (contrast < 4.5) say('pale text', element, `${contrast.toFixed(2)}:1`)
  }
  for (const option of root.querySelectorAll('option')) texts.push(option.text)

  for (const element of root.querySelectorAll('*')) {
    const style = getComputedStyle(element)
    if (element.matches('.maplibregl-map')) continue // its canvas follows a new size one picture later
    const cutsAcross = ['hidden', 'clip'].includes(style.overflowX) && element.scrollWidth > element.clientWidth + 1
    const cutsDown = ['hidden', 'clip'].includes(style.overflowY) && element.scrollHeight > element.clientHeight + 2
    if ((cutsAcross || cutsDown) && element.innerText?.trim() && seen(element)) say('cut text', element, '')
  }

  if (want.targets) {
    const interactive = 'a[href], button, input, select, textarea, summary, [role=tab], [role=button]'
    for (const element of root.querySelectorAll(interactive)) {
      if (!seen(element)) continue
      if (element.closest('.maplibregl-ctrl-attrib')) continue // the licence's links, as the map library sets them
      const box = (element.closest('label') ?? element).getBoundingClientRect()
      if (box.width < 43.5 || box.height < 43.5) say('small target', element, `${Math.round(box.width)}×${Math.round(box.height)}`)
    }
  }
  return { problems, texts }
}
