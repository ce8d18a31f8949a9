// Holds the script of the API docs, which follows Swagger UI's bundle: who is signed in, dark mode, the document.

export const SCRIPT = `
(() => {
  const $ = (id) => document.getElementById(id)

  async function showMe() {
    const reply = await fetch('me')
    const { me } = reply.ok ? await reply.json() : {}
    $('who').textContent = me ? 'Signed in as ' + me.email + ' (' + me.role + ')' : 'Not signed in'
  }

  const dark = matchMedia('(prefers-color-scheme: dark)')
  const paint = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
  dark.addEventListener('change', paint)
  paint()

  SwaggerUIBundle({
    url: 'openapi.json',
    domNode: $('api'),
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    // Scripts cannot set the cookie: the page to sign in does. The dialog takes a bearer token.
    plugins: [({ React }) => ({ wrapComponents: { auths: (Auths) => (props) =>
      props.definitions.some((scheme) => scheme.get('type') === 'http') && React.createElement(Auths, props) } })],
    validatorUrl: null, // would send the document to another host
    onComplete: showMe,
    responseInterceptor(reply) {
      // The call may have signed in or out.
      if (/\\/(login|logout|signup)$/.test(reply.url)) showMe()
      return reply
    },
  })
})()
`
