// Holds the script of the API list: search, links that unfold what they lead to, copying, the language of the examples.

/** The page shows all it has without it. */
export const LIST_SCRIPT = `
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)]
  const unfold = (element) => {
    for (let at = element; at; at = at.parentElement) if (at.localName === 'details') at.open = true
  }

  // Links
  const wanted = () => {
    try {
      return decodeURIComponent(location.hash.slice(1))
    } catch {
      return '' // a lone percent sign
    }
  }
  const reveal = () => {
    const target = document.getElementById(wanted())
    if (!target) return
    unfold(target)
    target.scrollIntoView()
  }
  addEventListener('hashchange', reveal)
  document.addEventListener('click', ({ target }) => {
    const link = target.closest?.('a[href^="#"]')
    if (link && link.hash === location.hash) reveal() // has been folded since
  })

  // Where one is: what crosses a line near the top of the window
  const current = new Map(all('.contents a').map((link) => [link.hash, link]))
  const idOf = (part) => part.id || part.querySelector(':scope > details > div')?.id
  const watch = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        const link = current.get('#' + idOf(target))
        if (!isIntersecting) link?.removeAttribute('aria-current')
        if (!isIntersecting || !link) continue
        link.setAttribute('aria-current', 'location')
        const { top, bottom } = link.getBoundingClientRect()
        if (top < 0 || bottom > innerHeight) link.closest('nav').scrollTop += top - innerHeight / 2
      }
    },
    { rootMargin: '-15% 0px -85%' },
  )
  for (const part of all('section, section > article')) watch.observe(part)

  // Search
  const find = document.querySelector('.find')
  const [search, fold, status] = find.children
  find.hidden = false
  const links = new Map(all('.contents li li').map((item) => [item.firstElementChild.hash, item]))
  for (const group of all('.contents details')) group.wasOpen = group.open
  const entries = all('article').map((article) => {
    const id = article.querySelector('.body')?.id // a type has none
    const textOf = (parts) => all(parts, article).map((part) => part.textContent).join(' ').toLowerCase()
    const labels = /(role|token): /g // all have them
    const [told, codes] = [textOf('summary, h3, .fields dt').replace(labels, ''), textOf('.errors code')]
    // Most have login_required: a plain word is not looked for in codes.
    const has = (word) => told.includes(word) || (word.includes('_') && codes.includes(word))
    return { article, has, isEndpoint: id !== undefined, link: links.get('#' + id) }
  })
  const filter = () => {
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean)
    let hits = 0
    for (const { article, has, isEndpoint, link } of entries) {
      const isHit = words.every(has)
      article.hidden = !isHit
      if (link) link.hidden = !isHit
      hits += isHit && isEndpoint
    }
    for (const section of all('section')) {
      const isHit = section.querySelector('article:not([hidden])') !== null
      section.hidden = words.length > 0 && !isHit
      const folded = section.querySelector('.fold')
      if (folded) folded.open = words.length > 0 && isHit
    }
    for (const group of all('.contents details')) {
      group.open = words.length > 0 || group.wasOpen
      group.parentElement.hidden = group.querySelector('li:not([hidden])') === null
    }
    status.textContent = words.length > 0 ? hits + (hits === 1 ? ' endpoint' : ' endpoints') : ''
  }
  search.addEventListener('input', filter)
  search.addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape') return
    search.value = ''
    filter()
  })
  addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.target.closest('input, textarea, select')) return
    event.preventDefault()
    search.focus()
  })

  // All at once
  const details = () => all('article:not([hidden]) > details')
  fold.addEventListener('click', () => {
    const open = fold.textContent === 'Unfold all'
    for (const one of details()) one.open = open
    fold.textContent = open ? 'Fold all' : 'Unfold all'
  })
  let folded = []
  addEventListener('beforeprint', () => {
    folded = all('details:not([open])')
    for (const one of folded) one.open = true
  })
  addEventListener('afterprint', () => {
    for (const one of folded) one.open = false
  })

  // Examples
  for (const head of all('.code > p')) {
    if (!navigator.clipboard) break // needs HTTPS, or this machine
    const button = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Copy' })
    button.addEventListener('click', async () => {
      const shown = all('pre', head.parentElement).find((pre) => pre.offsetParent)
      await navigator.clipboard.writeText(shown.textContent)
      button.textContent = 'Copied'
      setTimeout(() => (button.textContent = 'Copy'), 1500)
    })
    head.append(button)
  }
  for (const choice of all('[name=language]')) {
    try {
      if (localStorage.getItem('api-list-language') === choice.id) choice.checked = true
      choice.addEventListener('change', () => localStorage.setItem('api-list-language', choice.id))
    } catch {} // a browser may refuse to keep anything
  }

  reveal()
})()
`
