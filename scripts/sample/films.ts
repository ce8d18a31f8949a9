// The sample's films: a few hundred, as `npm run seed` adds them.
import { join } from 'node:path'
import { movies } from '../../src/movies/table.ts'
import { defineSeed } from '../seed/define.ts'

/** One film a line: title, tab, director. */
const FILMS = join(import.meta.dir, 'movies.tsv')

export const films = defineSeed({
  name: 'films',
  table: movies,
  key: [movies.title, movies.director],
  rows: async () => {
    const lines = (await Bun.file(FILMS).text()).split('\n').filter(Boolean)
    return lines.map((line, i) => {
      const [title, director] = line.split('\t')
      if (!title || !director) throw new Error(`${FILMS}, line ${i + 1}: not a title, a tab and a director`)
      return { title, director }
    })
  },
})
