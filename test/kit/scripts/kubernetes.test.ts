// The manifests for Kubernetes, without a cluster: what they name exists and fits together, and no API of theirs will go away.
import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { YAML } from 'bun'
import { loadConfig } from '../../../src/config.ts'
import { connectionsPerProcess } from '../../../src/kit/data/postgres.ts'

const ROOT = join(import.meta.dir, '../../..')
const FOLDER = join(ROOT, 'scripts/deploy/kubernetes')
const read = (file: string) => readFileSync(join(FOLDER, file), 'utf8')

type Labels = Record<string, string>
interface Probe {
  httpGet?: { path: string; port: string }
  exec?: { command: string[] }
}
interface Container {
  image: string
  command: string[]
  envFrom: { configMapRef: { name: string } }[]
  env?: { name: string; value: string }[]
  ports?: { name: string; containerPort: number }[]
  lifecycle?: { preStop: { exec: { command: string[] } } }
  startupProbe?: Probe
  readinessProbe?: Probe
  livenessProbe?: Probe
  securityContext: object
  volumeMounts: { name: string; mountPath: string }[]
  resources: { limits: { cpu?: string } }
}
interface Pod {
  terminationGracePeriodSeconds?: number
  securityContext: object
  containers: [Container]
  volumes: { name: string; secret?: { secretName: string }; emptyDir?: object }[]
  topologySpreadConstraints?: { labelSelector: { matchLabels: Labels } }[]
}
interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; labels: Labels }
  data?: Record<string, string>
  stringData?: Record<string, string>
  spec?: {
    replicas?: number
    maxReplicas?: number
    selector?: Labels & { matchLabels?: Labels }
    podSelector?: { matchLabels: Labels }
    scaleTargetRef?: { apiVersion: string; kind: string; name: string }
    template?: { metadata: { labels: Labels }; spec: Pod }
    ports?: { targetPort: string }[]
  }
}

const { resources, images } = YAML.parse(read('kustomization.yaml')) as {
  resources: string[]
  images: { name: string }[]
}
const manifests = [...resources, 'secret.example.yaml'].flatMap((file) => {
  const parsed = YAML.parse(read(file)) as Manifest | Manifest[]
  return Array.isArray(parsed) ? parsed : [parsed]
})
const find = (kind: string, name: string) => {
  const found = manifests.find((each) => each.kind === kind && each.metadata.name === name)
  if (!found) throw new Error(`there is no ${kind} ${name}`)
  return found
}
const runs = manifests.flatMap(({ kind, metadata, spec }) => {
  const template = spec?.template
  if (!template) return []
  return { name: `${kind} ${metadata.name}`, labels: template.metadata.labels, pod: template.spec, spec }
})
const settings = find('ConfigMap', 'myapp').data ?? {}
const secrets = find('Secret', 'myapp').stringData ?? {}
const isWithin = (some: Labels, all: Labels) =>
  Object.entries(some).every(([key, value]) => all[key] === value)

test('every manifest is of a stable API, which Kubernetes 1.x does not remove', () => {
  expect(manifests.length).toBeGreaterThan(10)
  for (const { apiVersion } of manifests) expect(apiVersion).toMatch(/^([a-z0-9.]+\/)?v\d+$/)
})

test('every selector finds pods, and those of one kind only', () => {
  const found = manifests.flatMap(({ kind, metadata, spec }) => {
    const selector = spec?.podSelector?.matchLabels ?? spec?.selector?.matchLabels ?? spec?.selector
    if (!selector) return []
    const pods = runs.filter(({ labels }) => isWithin(selector, labels)).map(({ name }) => name)
    return [[`${kind} ${metadata.name}`, pods] as const]
  })
  const all = runs.map(({ name }) => name)
  expect(Object.fromEntries(found)).toEqual({
    'Deployment myapp-api': ['Deployment myapp-api'],
    'Service myapp-api': ['Deployment myapp-api'],
    'PodDisruptionBudget myapp-api': ['Deployment myapp-api'],
    'NetworkPolicy myapp-api-ingress': ['Deployment myapp-api'],
    'Deployment myapp-worker': ['Deployment myapp-worker'],
    'PodDisruptionBudget myapp-worker': ['Deployment myapp-worker'],
    'NetworkPolicy myapp-ingress': all,
    'NetworkPolicy myapp-egress': all,
  })
  for (const { labels, pod } of runs)
    for (const { labelSelector } of pod.topologySpreadConstraints ?? [])
      expect(labels).toEqual(labelSelector.matchLabels)
  const { scaleTargetRef } = find('HorizontalPodAutoscaler', 'myapp-api').spec ?? {}
  expect(find(scaleTargetRef?.kind ?? '', scaleTargetRef?.name ?? '').apiVersion).toBe(
    scaleTargetRef?.apiVersion ?? '',
  )
  expect(find('Deployment', 'myapp-api').spec?.replicas).toBeUndefined() // it would fight with the autoscaler
})

test.each(runs)('$name runs without privileges, and writes to /tmp alone', ({ pod }) => {
  expect(pod).toMatchObject({
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
  })
  const [container] = pod.containers
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  const writable = pod.volumes.filter(({ secret }) => !secret).map(({ name }) => name)
  const mounts = container.volumeMounts.filter(({ name }) => writable.includes(name))
  expect(mounts.map(({ mountPath }) => mountPath)).toEqual(['/tmp'])
  expect(container.volumeMounts.map(({ name }) => name)).toEqual(pod.volumes.map(({ name }) => name))
  expect(container.resources.limits.cpu).toBeUndefined()
})

test.each(runs)('$name starts with the settings that it is given, and files that exist', ({ pod }) => {
  const [{ command, env = [], envFrom, startupProbe, image, volumeMounts }] = pod.containers
  const files = [...command, ...(startupProbe?.exec?.command ?? [])].filter((word) => word.endsWith('.ts'))
  expect(files).not.toEqual([])
  for (const file of files) expect([file, existsSync(join(ROOT, file))]).toEqual([file, true])
  expect(images.map(({ name }) => name)).toContain(image)
  expect(envFrom).toEqual([{ configMapRef: { name: 'myapp' } }])

  const secret = pod.volumes.find((volume) => volume.secret)
  const folder = volumeMounts.find(({ name }) => name === secret?.name)?.mountPath
  expect(find('Secret', secret?.secret?.secretName ?? '').kind).toBe('Secret')
  const isFile = ([name]: [string, string]) => name.endsWith('_FILE')
  const given = Object.entries(settings)
  expect(Object.fromEntries(given.filter(isFile))).toEqual(
    Object.fromEntries(Object.keys(secrets).map((name) => [`${name}_FILE`, `${folder}/${name}`])),
  )
  const known = new Set(readFileSync(join(ROOT, '.env.example'), 'utf8').match(/^# [A-Z_]+(?==)/gm))
  const named = [...given.map(([name]) => name.replace(/_FILE$/, '')), ...env.map(({ name }) => name)]
  expect(named.filter((name) => !known.has(`# ${name}`))).toEqual([])
  const config = configOf(env)
  expect(config.production).toBe(true)
  expect(config.host).toBe('0.0.0.0') // where probes reach it
})

test('probes ask the routes and ports that there are, and only the API listens', () => {
  const api = runs[1]?.pod.containers[0]
  const [{ name, containerPort } = { name: '', containerPort: 0 }] = api?.ports ?? []
  expect(containerPort).toBe(configOf(api?.env).port)
  const { startupProbe, readinessProbe, livenessProbe } = api ?? {}
  expect([startupProbe, readinessProbe, livenessProbe].map((probe) => probe?.httpGet)).toEqual([
    { path: '/health', port: name },
    { path: '/ready', port: name },
    { path: '/health', port: name },
  ])
  expect(find('Service', 'myapp-api').spec?.ports?.map(({ targetPort }) => targetPort)).toEqual([name])
  for (const each of runs)
    if (each.pod.containers[0] !== api) expect(each.pod.containers[0].ports).toBeUndefined()
})

test('a pod is given the time that it takes to stop', () => {
  const { processes } = configOf([])
  for (const { pod } of runs.filter(({ name }) => name.startsWith('Deployment'))) {
    const [, seconds = 0] = pod.containers[0].lifecycle?.preStop.exec.command ?? []
    expect(pod.terminationGracePeriodSeconds).toBe(Number(seconds) + processes.drainMs / 1000 + 10)
  }
})

test('the page says how many connections to Postgres it can become', () => {
  const most = runs
    .filter(({ name }) => name.startsWith('Deployment'))
    .map(({ name, pod, spec }) => {
      const { processes, ...config } = configOf(pod.containers[0].env)
      const scaler = manifests.find(({ spec: { scaleTargetRef } = {} }) =>
        name.endsWith(` ${scaleTargetRef?.name}`),
      )
      const pods = scaler?.spec?.maxReplicas ?? spec.replicas ?? 0
      return pods * (processes.web + processes.workers) * connectionsPerProcess(config)
    })
    .reduce((sum, each) => sum + each, 0)
  expect(read('README.md')).toContain(`${most} connections`)
  expect(read('README.md')).toContain(`${2 * most} while`)
})

function configOf(env: { name: string; value: string }[] = []) {
  const isSetting = ([name]: [string, string]) => !name.endsWith('_FILE')
  return loadConfig({
    NODE_ENV: 'production',
    ...Object.fromEntries(Object.entries(settings).filter(isSetting)),
    DATABASE_URL: 'postgres://myapp:secret@postgres/myapp',
    REDIS_URL: 'rediss://:secret@redis:6379',
    ...Object.fromEntries(env.map(({ name, value }) => [name, value])),
  })
}
