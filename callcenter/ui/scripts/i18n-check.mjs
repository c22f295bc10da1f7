// Fails when the two languages differ in their keys, or when the source names a key that neither has.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const locales = join(root, 'src/locales')

function flatten(value, prefix, into) {
  for (const [key, inner] of Object.entries(value)) {
    const name = prefix ? `${prefix}.${key}` : key
    if (typeof inner === 'string') into.set(name, inner)
    else flatten(inner, name, into)
  }
  return into
}

function load(language) {
  const all = new Map()
  for (const file of readdirSync(join(locales, language))) {
    flatten(JSON.parse(readFileSync(join(locales, language, file), 'utf8')), file.replace(/\.json$/, ''), all)
  }
  return all
}

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sources(path)
    return /\.(vue|ts)$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [path] : []
  })
}

const placeholders = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join()

const zh = load('zh-CN')
const en = load('en')
const problems = []

/** One word for one thing: what each of these is called instead, here and in the answers of the API. */
const replaced = {
  外呼: '呼出',
  去电: '呼出',
  可接打: '话机已就绪',
  空闲最久的先响: '最长空闲',
  全员同时响: '同振',
  每隔多久放宽一级: '技能扩展间隔',
  熟客优先找谁: '熟客路由',
  滞后付款: '异常到账',
  写点什么: '填写跟进记录',
}
const spoken = readdirSync(join(root, '../web'))
  .filter((name) => name.endsWith('.py'))
  .map((name) => [name, readFileSync(join(root, '../web', name), 'utf8')])
for (const [where, text] of [...zh, ...spoken]) {
  for (const [old, now] of Object.entries(replaced)) if (text.includes(old)) problems.push(`${where} says ${old}, not ${now}`)
}
for (const key of zh.keys()) if (!en.has(key)) problems.push(`en lacks ${key}`)
for (const key of en.keys()) if (!zh.has(key)) problems.push(`zh-CN lacks ${key}`)
for (const [key, text] of zh) {
  if (en.has(key) && placeholders(text) !== placeholders(en.get(key))) problems.push(`placeholders differ in ${key}`)
}
for (const path of sources(join(root, 'src'))) {
  for (const match of readFileSync(path, 'utf8').matchAll(/\bt\(\s*'([\w.-]+)'/g)) {
    if (!zh.has(match[1])) problems.push(`${path.slice(root.length)} uses unknown key ${match[1]}`)
  }
}

if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
console.log(`${zh.size} keys, both languages complete`)
