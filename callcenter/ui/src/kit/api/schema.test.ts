import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const src = join(import.meta.dirname, '../..')

/** The names of the fields of every interface, and of every type that is written as one, by its name. */
function shapes(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const keep = (name: string, members: ts.NodeArray<ts.TypeElement>) =>
    found.set(name, members.flatMap((one) => (ts.isPropertySignature(one) ? [one.name.getText().replace(/['"]/g, '')] : [])))
  const visit = (node: ts.Node): void => {
    if (ts.isInterfaceDeclaration(node)) keep(node.name.text, node.members)
    if (ts.isTypeAliasDeclaration(node) && ts.isTypeLiteralNode(node.type)) keep(node.name.text, node.type.members)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('a.ts', text, ts.ScriptTarget.ESNext, true))
  return found
}

/** The components of the document: their fields by name. */
function components(): Map<string, Set<string>> {
  const file = ts.createSourceFile('schema.ts', readFileSync(join(src, 'kit/api/schema.ts'), 'utf8'), ts.ScriptTarget.ESNext, true)
  const found = new Map<string, Set<string>>()
  const inside = (members: ts.NodeArray<ts.TypeElement>, name: string) => members.find((one) => ts.isPropertySignature(one) && one.name.getText() === name)
  const all = file.statements.find((one) => ts.isInterfaceDeclaration(one) && one.name.text === 'components') as ts.InterfaceDeclaration
  const schemas = (inside(all.members, 'schemas') as ts.PropertySignature).type as ts.TypeLiteralNode
  for (const one of schemas.members as ts.NodeArray<ts.PropertySignature>) {
    if (one.type && ts.isTypeLiteralNode(one.type)) found.set(one.name.getText(), new Set(one.type.members.map((field) => field.name?.getText() ?? '')))
  }
  return found
}

function written(folder = src): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return written(path)
    return /\.(ts|vue)$/.test(entry.name) && !/(\.d|\.test|^schema)\.ts$/.test(entry.name) ? [path] : []
  })
}

const scripts = (path: string) => {
  const text = readFileSync(path, 'utf8')
  return path.endsWith('.vue') ? [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map((one) => one[1]).join('\n') : text
}

/** A component that has the same fields, or nearly: a copy that drifted is a copy. */
function repeated(fields: string[], known: Map<string, Set<string>>): string | undefined {
  return [...known].find(([, other]) => {
    const alike = fields.filter((one) => other.has(one)).length
    return alike >= 3 && alike / (fields.length + other.size - alike) >= 0.7
  })?.[0]
}

describe('what the server answers is described once, by the server', () => {
  const known = components()

  it('finds what it looks for', () => {
    expect(known.get('Waveform')).toContain('silence_share')
    expect(repeated(['name', 'duration', 'created_at', 'kind', 'heard'], known)).toBe('PromptView')
    expect([...shapes('interface A { b: string; c?: number }\ntype D = { e: 1 }')]).toEqual([['A', ['b', 'c']], ['D', ['e']]])
  })

  it('has no second description written by hand', () => {
    const again = written().flatMap((path) =>
      [...shapes(scripts(path))].flatMap(([name, fields]) => {
        const twin = repeated(fields, known)
        return twin ? [`${relative(src, path)}: ${name} repeats ${twin} of kit/api/schema.ts`] : []
      }),
    )
    expect(again).toEqual([])
  })

  it('has no wrappers of single routes', () => {
    expect(existsSync(join(src, 'api'))).toBe(false)
    const asking = written().filter((path) => !path.includes('kit/api/') && /\bfetch\(|XMLHttpRequest/.test(scripts(path)))
    expect(asking.map((path) => relative(src, path))).toEqual([])
  })
})
