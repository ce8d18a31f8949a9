// Makes the script that adds a form to each endpoint of the API list: it sends the call from the page, and shows the answer.
import type { Call } from './api-list-calls.ts'

/** @param calls what each form begins with, by the id of its endpoint */
export const tryScript = (calls: Record<string, Call>) =>
  // No text of a description ends the script.
  `(${SCRIPT})(${JSON.stringify(calls).replaceAll('<', String.raw`\u003c`)})`

const SCRIPT = `(calls) => {
  const MAX_SHOWN = 200_000 // characters of an answer
  // Browsers take two dots out of a path, and what is before them: another endpoint would be called.
  const STEP = { required: true, pattern: '(?!\\.\\.?$).*', title: 'Neither . nor ..' }
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties)
    element.append(...children)
    return element
  }
  let token = ''

  for (const [id, call] of Object.entries(calls)) {
    const shown = document.getElementById(id)?.querySelector('.shown')
    if (!shown) continue
    const button = make('button', { type: 'button', className: 'try', textContent: 'Try it' })
    button.addEventListener('click', () => button.replaceWith(formOf(call)))
    shown.firstElementChild.after(button)
  }

  function formOf(call) {
    const fields = {}
    const rows = []
    const add = (group, name, properties) => {
      const input = make(properties.rows ? 'textarea' : 'input', { spellcheck: false, autocomplete: 'off', ...properties })
      ;(fields[group] ??= {})[name] = input
      rows.push(make('label', {}, make('code', { textContent: name }), input))
    }
    for (const group of ['params', 'query', 'headers'])
      for (const [name, value] of Object.entries(call[group])) add(group, name, { value, ...(group === 'params' && STEP) })
    if (call.hasFile)
      for (const [name, value] of Object.entries(call.body))
        add('form', name, name === 'file' ? { type: 'file', required: true } : { value })
    else if (call.body !== undefined) {
      const value = JSON.stringify(call.body, null, 2)
      add('body', 'JSON', { value, rows: Math.min(value.split('\\n').length + 1, 16) })
    }
    if (call.needsLogin) add('auth', 'Bearer token', { value: token, placeholder: 'none: as who is signed in here' })
    const send = make('button', { textContent: 'Send', className: call.method === 'DELETE' ? 'danger' : '' })
    const stop = make('button', { type: 'button', textContent: 'Stop', hidden: true })
    const result = make('div', { className: 'result' })
    const form = make('form', { className: 'try' }, ...rows, make('p', {}, send, ' ', stop), result)
    form.addEventListener('submit', async (event) => {
      event.preventDefault()
      const control = new AbortController()
      stop.hidden = false
      stop.onclick = () => control.abort()
      send.disabled = true
      try {
        await run(call, fields, result, control.signal)
      } finally {
        send.disabled = false
        stop.hidden = true
      }
    })
    return form
  }

  async function run(call, fields, result, signal) {
    const valuesOf = (group) =>
      Object.entries(fields[group] ?? {}).map(([name, { value }]) => [name, value]).filter(([, value]) => value !== '')
    const params = Object.fromEntries(valuesOf('params'))
    const search = new URLSearchParams(valuesOf('query')).toString()
    const path = call.path.replace(/:(\\w+)/g, (_, name) => encodeURIComponent(params[name] ?? ''))
    const url = location.origin + path + (search && '?' + search)
    const headers = Object.fromEntries(valuesOf('headers'))
    token = fields.auth?.['Bearer token'].value ?? token
    if (fields.auth && token) headers.Authorization = 'Bearer ' + token
    let body
    if (fields.body) {
      body = fields.body.JSON.value
      headers['Content-Type'] = 'application/json'
    }
    if (fields.form) {
      body = new FormData()
      for (const [name, input] of Object.entries(fields.form)) body.append(name, input.files?.[0] ?? input.value)
    }
    const line = make('p', { textContent: 'Sending ...' })
    line.setAttribute('role', 'status')
    const head = make('pre', { className: 'head' })
    const text = make('pre')
    result.replaceChildren(line, head, text, make('pre', { className: 'sent', textContent: curlOf(call, url, headers, fields) }))
    const start = performance.now()
    const took = () => Math.round(performance.now() - start) + ' ms'
    try {
      const reply = await fetch(url, { method: call.method, headers, body, signal, redirect: 'manual', cache: 'no-store' })
      if (reply.type === 'opaqueredirect') {
        line.textContent = 'A redirect · ' + took() + ': open it in the browser, or send it by curl'
        return
      }
      line.textContent = reply.status + ' ' + reply.statusText + ' · ' + took()
      line.className = reply.ok ? 'good' : 'bad'
      head.textContent = [...reply.headers].map(([name, value]) => name + ': ' + value).filter(isOfInterest).join('\\n')
      await show(reply, text)
      if (reply.ok && call.method !== 'GET') await renewHeader().catch(() => {}) // the answer counts all the same
      line.textContent = reply.status + ' ' + reply.statusText + ' · ' + took()
    } catch (error) {
      line.textContent += signal.aborted ? ' · stopped' : ' · ' + error
    }
  }

  /** Who is signed in may be another by now. */
  async function renewHeader() {
    const page = await fetch(location.pathname, { cache: 'no-store' })
    const { documentElement } = new DOMParser().parseFromString(await page.text(), 'text/html')
    const header = documentElement.querySelector('header.site')
    if (header) document.querySelector('header.site').replaceWith(header)
  }

  const isOfInterest = (header) =>
    /^(content-type|etag|link|location|retry-after|ratelimit|x-request-id|total-count|deprecation)/.test(header)

  /** JSON in lines, any other text as it comes, of what is no text its size. Of a long one no more is read than is shown. */
  async function show(reply, pre) {
    const type = reply.headers.get('content-type') ?? ''
    const isText = /json|text|xml|javascript/.test(type)
    const isStream = type.includes('event-stream')
    const decoder = new TextDecoder()
    const reader = reply.body?.getReader()
    let text = ''
    let size = 0
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true }
      if (done) break
      size += value.length
      if (isText) text += decoder.decode(value, { stream: true })
      if (isStream) text = text.slice(-MAX_SHOWN)
      pre.textContent = isText ? text.slice(0, MAX_SHOWN) : size + ' bytes of ' + (type || 'no type')
      if (text.length <= MAX_SHOWN) continue
      pre.textContent += '\\n...'
      return reader.cancel()
    }
    if (type.includes('json')) try { pre.textContent = JSON.stringify(JSON.parse(text), null, 2) } catch {}
  }

  /** What was sent, for a shell. Neither cookie nor token is in it. */
  function curlOf({ method, needsLogin }, url, { Authorization, ...headers }, fields) {
    const quoted = (text) => "'" + text.replaceAll("'", "'\\\\''") + "'"
    const inQuotes = (file) => '"' + file.replace(/["\\\\]/g, '\\\\$&') + '"'
    const parts = ['curl ' + (method === 'GET' ? '' : '-X ' + method + ' ') + quoted(url)]
    if (needsLogin) parts.push('-H "Authorization: Bearer $TOKEN"')
    for (const [name, value] of Object.entries(headers)) parts.push('-H ' + quoted(name + ': ' + value))
    if (fields.body) parts.push('--data-raw ' + quoted(fields.body.JSON.value))
    for (const [name, { files, value }] of Object.entries(fields.form ?? {}))
      parts.push(files?.[0] ? '-F ' + quoted(name + '=@' + inQuotes(files[0].name)) : '--form-string ' + quoted(name + '=' + value))
    return parts.join(' \\\\\\n  ')
  }
}`
