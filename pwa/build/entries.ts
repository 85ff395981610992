import type { Connect, Plugin } from 'vite'

const APPS = ['field', 'console']

/** Deep links such as /field/rounds/1 are answered with the app's page, as the server does. */
export function deepLinks(): Plugin {
  const rewrite: Connect.NextHandleFunction = (request, _response, next) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    const app = APPS.find((name) => path === `/${name}` || path.startsWith(`/${name}/`))
    if (app && !(path.split('/').pop() ?? '').includes('.')) request.url = `/${app}/index.html`
    next()
  }
  return {
    name: 'ironfeet-deep-links',
    configureServer: (server) => void server.middlewares.use(rewrite),
    configurePreviewServer: (server) => void server.middlewares.use(rewrite),
  }
}
