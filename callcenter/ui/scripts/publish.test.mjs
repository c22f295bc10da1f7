import { existsSync, mkdirSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import { compress, KEPT_DAYS, publish } from './publish.mjs'

const DAY = 24 * 3600 * 1000
let build
let served

function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}
const has = (name) => existsSync(join(served, name))

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'publish-'))
  build = join(folder, 'dist')
  served = join(folder, 'static')
})

describe('publish', () => {
  it('keeps the chunks of the build before, so that an open page goes on', () => {
    write(served, { 'index.html': 'old', 'assets/page-1.js': 'old', 'assets/page-1.js.br': 'old' })
    write(build, { 'index.html': 'new', 'assets/page-2.js': 'new' })
    publish(build, served)
    expect(readFileSync(join(served, 'index.html'), 'utf8')).toBe('new')
    expect(['assets/page-1.js', 'assets/page-1.js.br', 'assets/page-2.js'].map(has)).toEqual([true, true, true])
  })

  it('removes them when no build had them for a while, and what is no asset at once', () => {
    write(served, { 'assets/page-1.js': 'old', 'assets/kept-1.js': 'same', 'gone.svg': '' })
    const past = new Date(Date.now() - (KEPT_DAYS + 1) * DAY)
    for (const name of ['assets/page-1.js', 'assets/kept-1.js']) utimesSync(join(served, name), past, past)
    write(build, { 'index.html': 'new', 'assets/kept-1.js': 'same' })
    publish(build, served)
    expect(['assets/page-1.js', 'assets/kept-1.js', 'gone.svg'].map(has)).toEqual([false, true, false])
  })

  it('leaves the old front page when an asset cannot be placed', () => {
    write(served, { 'index.html': 'old', 'assets/page-2.js/in-the-way': '' })
    write(build, { 'index.html': 'new', 'assets/page-2.js': 'new' })
    expect(() => publish(build, served)).toThrow()
    expect(readFileSync(join(served, 'index.html'), 'utf8')).toBe('old')
  })
})

describe('compress', () => {
  it('writes both forms beside what is worth it', () => {
    const text = 'call '.repeat(1000)
    write(build, { 'assets/a.js': text, 'assets/small.js': 'x', 'assets/font.woff2': text })
    compress(build)
    const read = (name) => readFileSync(join(build, name))
    expect(brotliDecompressSync(read('assets/a.js.br')).toString()).toBe(text)
    expect(gunzipSync(read('assets/a.js.gz')).toString()).toBe(text)
    expect(existsSync(join(build, 'assets/small.js.br'))).toBe(false)
    expect(existsSync(join(build, 'assets/font.woff2.br'))).toBe(false)
  })
})
