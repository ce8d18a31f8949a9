// The manifests for Kubernetes against its published schemas: types, formats, what is required, and no field that does not exist.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { YAML } from 'bun'

const ROOT = join(import.meta.dir, '../..')
const MANIFESTS = join(ROOT, 'scripts/deploy/kubernetes')
/** 32 MB with what it needs: not for every checkout. */
const MODELS = 'kubernetes-models@4.5.1'

interface Manifest {
  apiVersion: string
  kind: string
  spec?: { template?: { spec: { containers: object[] } } }
}

const folder = mkdtempSync(join(tmpdir(), 'restbun-kubernetes-'))
let manifests: Manifest[] = []

beforeAll(() => {
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const installed = run('npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', MODELS)
  expect(installed).toEqual({ code: 0, said: expect.any(String) })
  manifests = read()
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Each file's documents; a kustomization is no object of a cluster. */
function read(): Manifest[] {
  const { resources } = YAML.parse(readFileSync(join(MANIFESTS, 'kustomization.yaml'), 'utf8')) as {
    resources: string[]
  }
  return [...resources, 'secret.example.yaml'].flatMap((file) => {
    const parsed = YAML.parse(readFileSync(join(MANIFESTS, file), 'utf8')) as Manifest | Manifest[]
    return Array.isArray(parsed) ? parsed : [parsed]
  })
}

function run(...command: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: folder })
  return { code: exitCode, said: `${stdout.toString()}${stderr.toString()}` }
}

/** Each is written down as a constant of its type: the compiler refuses a field that the type does not have. */
function compile(objects: Manifest[]) {
  const lines = objects.map(
    ({ apiVersion, kind, ...rest }, i) =>
      `import type { I${kind} as T${i} } from 'kubernetes-models/${apiVersion}/${kind}'\n` +
      `export const object${i}: T${i} = ${JSON.stringify({ apiVersion, kind, ...rest })}\n`,
  )
  writeFileSync(join(folder, 'manifests.ts'), lines.join(''))
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'esnext']
  return run(join(ROOT, 'node_modules/.bin/tsc'), ...options, '--types', '', 'manifests.ts')
}

/** Holds each against its JSON schema, in a process of its own. */
function validate(objects: Manifest[]) {
  writeFileSync(join(folder, 'manifests.json'), JSON.stringify(objects))
  const script = `
    for (const each of JSON.parse(require('node:fs').readFileSync('manifests.json', 'utf8')))
      new (require('kubernetes-models/' + each.apiVersion + '/' + each.kind)[each.kind])(each).validate()`
  writeFileSync(join(folder, 'validate.cjs'), script)
  return run('node', 'validate.cjs')
}

test('every field exists, and has its type', () => expect(compile(manifests)).toEqual({ code: 0, said: '' }))

test('every object is valid', () => expect(validate(manifests)).toEqual({ code: 0, said: '' }))

test('what is wrong would be found', () => {
  const [wrong] = structuredClone(manifests.filter(({ kind }) => kind === 'Deployment'))
  Object.assign(wrong?.spec?.template?.spec.containers[0] ?? {}, { readynessProbe: {} })
  expect(compile(wrong ? [wrong] : []).said).toContain('readynessProbe')
  const [job] = structuredClone(manifests.filter(({ kind }) => kind === 'Job'))
  Object.assign(job?.spec ?? {}, { backoffLimit: 'two' })
  expect(validate(job ? [job] : []).said).toContain('backoffLimit')
})

const kubectl = Bun.which('kubectl')
if (!kubectl) process.stderr.write('SKIPPED: the kustomization, because kubectl is not installed\n')

test.skipIf(!kubectl)('the kustomization puts one image and one namespace into all of them', () => {
  const { code, said } = run(kubectl ?? '', 'kustomize', MANIFESTS)
  expect(code).toBe(0)
  const rendered = YAML.parse(said) as { metadata: { namespace: string } }[]
  expect(rendered.length).toBe(manifests.length - 1) // the example of a Secret is not for the cluster
  for (const { metadata } of rendered) expect(metadata.namespace).toBe('myapp')
  expect(new Set(said.match(/(?<=image: ).+/g))).toEqual(new Set(['registry.example.com/myapp:1.0.0']))
})
