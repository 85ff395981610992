/** What a push says, and where a tap on it leads. Pure. */

/** A push as the server packs it. */
export interface Push {
  title: string
  body: string
  tag: string
  lang: string
  urgent: boolean
  receipt: string
  path: string // of the app's page that it is about
}

const FALLBACK = { title: '铁脚板 Ironfeet', body: '有新消息，请打开应用查看。 Something new: open the app.' }

/**
 * The push in *text*. Something is always shown: a browser takes the permission away from an app that shows
 * nothing, so one that cannot be read says only that there is something.
 *
 * @param app where the app's pages lie
 */
export function readPush(text: string | null, app = '/field'): Push {
  const said = parse(text)
  const word = (name: string): string => (typeof said[name] === 'string' ? (said[name] as string) : '')
  return {
    title: word('title') || FALLBACK.title,
    body: word('body') || (word('title') ? '' : FALLBACK.body),
    tag: word('tag') || 'ironfeet',
    lang: word('lang') === 'en' ? 'en' : 'zh-CN',
    urgent: said.urgent === true,
    receipt: word('receipt'),
    path: pathOf(app, word('subject_kind'), word('subject_id')),
  }
}

function parse(text: string | null): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(text ?? '')
    return typeof said === 'object' && said !== null ? (said as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function pathOf(app: string, kind: string, id: string): string {
  return kind === 'case' && /^[0-9a-f-]{36}$/i.test(id) ? `${app}/cases/${id}` : `${app}/inbox`
}
