// Holds the script of the pages that make a passkey or ask for one: it puts what the browser answers into the page's form.

/**
 * The page has an element whose data say where the options come from (`options`), where the form goes with the answer (`to`),
 * whether a passkey is to be made (`make`: when the form is sent; else when the element is clicked, which is hidden until this
 * runs), and whether the browser offers passkeys at the form's fields by itself (`offer`).
 */
export const SCRIPT = `
(() => {
  const RENEWED_MS = 4 * 60_000 // before a challenge expires
  const { credentials } = navigator
  const api = window.PublicKeyCredential
  if (!api?.parseRequestOptionsFromJSON) return
  const element = document.querySelector('[data-passkey]')
  const form = document.querySelector('form.form') ?? document.body.appendChild(document.createElement('form'))
  form.method = 'post'
  const { options, given, to, make, offer } = element.dataset
  let waiting
  let renewal

  async function load(signal) {
    const reply = await fetch(options, { method: 'POST', signal })
    const json = await reply.json()
    if (!reply.ok) throw new Error(json.err)
    return json
  }

  async function run(how) {
    waiting?.abort()
    const { signal } = (waiting = new AbortController())
    const json = given ? JSON.parse(given) : await load(signal)
    const credential = await (make
      ? credentials.create({ publicKey: api.parseCreationOptionsFromJSON(json), signal })
      : credentials.get({ publicKey: api.parseRequestOptionsFromJSON(json), signal, ...how }))
    const field = { type: 'hidden', name: 'credential', value: JSON.stringify(credential) }
    form.append(Object.assign(document.createElement('input'), field))
    if (to) form.action = to
    form.submit()
  }

  async function offerPasskeys() {
    renewal = setTimeout(offerPasskeys, RENEWED_MS)
    form.elements[offer].autocomplete = 'username webauthn'
    if (!document.hidden) await run({ mediation: 'conditional' }).catch(() => {})
  }

  const fault = Object.assign(document.createElement('p'), { className: 'bad', role: 'alert' })
  const WORDS = { InvalidStateError: 'This device has a passkey of yours already', NotAllowedError: '' }
  const start = async (event) => {
    event.preventDefault()
    clearTimeout(renewal)
    fault.textContent = ''
    await run().catch(({ name, message }) => (fault.textContent = WORDS[name] ?? message))
  }

  element.after(fault)
  element.hidden = Boolean(make)
  if (make) form.addEventListener('submit', start)
  else element.addEventListener('click', start)
  if (offer) api.isConditionalMediationAvailable?.().then((is) => is && !waiting && offerPasskeys())
})()
`
