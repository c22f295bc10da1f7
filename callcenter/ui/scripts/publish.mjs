/** Takes a build to the folder that a running server serves, so that no page ever misses a file of it. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

/** How long a page that was opened before a new build still finds its chunks. */
export const KEPT_DAYS = 14
const TEXT = new Set(['.js', '.css', '.html', '.svg', '.json', '.map'])
const LEAST_BYTES = 1024
const FRONT = 'index.html'

/** Every file under `folder`, relative to it. */
function filesIn(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
}

/** Writes `.br` and `.gz` beside every text file that is worth it; the server picks what the browser accepts. */
export function compress(folder) {
  for (const name of filesIn(folder)) {
    const file = join(folder, name)
    if (!TEXT.has(extname(name)) || statSync(file).size < LEAST_BYTES) continue
    const bytes = readFileSync(file)
    const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, options))
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }))
  }
}

/** A file appears whole under its name, or not yet. */
function place(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  const beside = `${to}.${process.pid}.new`
  copyFileSync(from, beside)
  renameSync(beside, to)
}

/**
 * Publishes `build` in `served`. Assets have their content in their name, so they are added first and nobody notices;
 * the front page that names them changes last. Assets of earlier builds go KEPT_DAYS after the last build that had them.
 */
export function publish(build, served, now = new Date()) {
  const names = filesIn(build)
  const isFront = (name) => name === FRONT || name.startsWith(`${FRONT}.`)
  for (const name of names.filter((one) => !isFront(one))) {
    place(join(build, name), join(served, name))
    utimesSync(join(served, name), now, now)
  }
  // The compressed fronts stand in for the plain one, so there is none of them (it is a few hundred bytes).
  place(join(build, FRONT), join(served, FRONT))
  const current = new Set(names.map((name) => join(served, name)))
  const oldest = now.getTime() - KEPT_DAYS * 24 * 3600 * 1000
  for (const name of filesIn(served)) {
    const file = join(served, name)
    if (current.has(file)) continue
    if (!name.startsWith('assets') || statSync(file).mtimeMs < oldest) rmSync(file)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const ui = join(dirname(fileURLToPath(import.meta.url)), '..')
  compress(join(ui, 'dist'))
  publish(join(ui, 'dist'), join(ui, '..', 'web', 'static'))
}
