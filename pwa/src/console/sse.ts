/**
 * Reads `text/event-stream` from chunks of text, cut anywhere (WHATWG HTML, "Event stream
 * interpretation"). The browser's own EventSource cannot send an Authorization header.
 */
export interface StreamEvent {
  /** `message` where the stream named none. */
  event: string
  data: string
  /** The id in force: an event without one keeps that of the event before it. */
  id: string
}

export class EventStreamParser {
  private rest = ''
  private data: string[] = []
  private event = ''
  private id = ''
  private first = true

  /** The events that `chunk` completes. Comments give none; the caller still sees that bytes came. */
  push(chunk: string): StreamEvent[] {
    const events: StreamEvent[] = []
    this.rest += chunk
    if (this.first && this.rest !== '') {
      this.rest = this.rest.replace(/^\uFEFF/, '')
      this.first = false
    }
    for (let line = this.nextLine(); line !== null; line = this.nextLine()) {
      const event = this.take(line)
      if (event !== null) events.push(event)
    }
    return events
  }

  private nextLine(): string | null {
    const end = this.rest.search(/[\r\n]/)
    if (end === -1) return null
    const isReturn = this.rest[end] === '\r'
    // A return at the very end may be the first half of a pair: wait for what follows
    if (isReturn && end === this.rest.length - 1) return null
    const line = this.rest.slice(0, end)
    this.rest = this.rest.slice(isReturn && this.rest[end + 1] === '\n' ? end + 2 : end + 1)
    return line
  }

  private take(line: string): StreamEvent | null {
    if (line === '') return this.dispatch()
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') this.data.push(value)
    else if (name === 'event') this.event = value
    else if (name === 'id' && !value.includes('\0')) this.id = value
    return null
  }

  private dispatch(): StreamEvent | null {
    const { data, event } = this
    this.data = []
    this.event = ''
    if (data.length === 0) return null
    return { event: event === '' ? 'message' : event, data: data.join('\n'), id: this.id }
  }
}
