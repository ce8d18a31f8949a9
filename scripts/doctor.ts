// Examines what the server stands on, and says what to do about each thing that is wrong: npm run doctor
import { ConfigError } from '../src/kit/types/config-error.ts'
import { judgeProcessUse, readProcessUse } from './doctor/bounds.ts'
import { fail, type Finding, messageOf } from './doctor/finding.ts'
import { checkKit } from './doctor/kit.ts'
import {
  checkBun,
  checkDisk,
  checkMail,
  checkMigrateReq,
  checkOpenFiles,
  checkPort,
} from './doctor/machine.ts'
import { checkPostgres } from './doctor/postgres.ts'
import { checkRedis } from './doctor/redis.ts'
import { checkReplicas } from './doctor/replicas.ts'
import { checkRouter } from './doctor/router.ts'
import { checkSettings } from './doctor/settings.ts'
import { readArguments, runCommand } from './command.ts'
import { provideServices } from './services.ts'

const USAGE = `Usage: npm run doctor [-- --json]
Exits with 1 if something fails; a warning alone is no failure. In development it starts the embedded services
where none are named, as npm start does.`

type Services = Awaited<ReturnType<typeof provideServices>>

async function examine(): Promise<Finding[]> {
  const services = await provideServices(process.env).catch((error: unknown) =>
    error instanceof ConfigError ? error : messageOf(error),
  )
  if (services instanceof ConfigError) return [checkBun(), ...checkSettings(process.env).findings]
  if (typeof services === 'string') {
    return [checkBun(), fail('embedded services', services, 'Or name your own by DATABASE_URL and REDIS_URL')]
  }
  try {
    return await examineAll(services)
  } finally {
    await services.close()
  }
}

async function examineAll({ env }: Services): Promise<Finding[]> {
  const { findings, config } = checkSettings(env)
  const machine = [checkBun(), checkOpenFiles()]
  if (config === undefined) return [...machine, ...findings]
  const [kit, postgres, replicas, redis, port, disk, mail] = await Promise.all([
    checkKit(),
    checkPostgres(config),
    checkReplicas(config),
    checkRedis(config),
    checkPort(config),
    checkDisk(config),
    checkMail(config),
  ])
  return [
    ...machine,
    ...checkMigrateReq(config),
    ...findings,
    checkRouter(config),
    ...kit,
    port,
    ...disk,
    ...postgres,
    ...replicas,
    ...redis,
    ...judgeProcessUse(readProcessUse(config.dataDir)),
    ...mail,
  ]
}

const COLORS = { ok: '\x1b[32m', warn: '\x1b[33m', fail: '\x1b[31m' }

function describe({ check, level, found, fix }: Finding): string {
  const word = process.stdout.isTTY ? `${COLORS[level]}${level.padEnd(4)}\x1b[39m` : level.padEnd(4)
  return `${word}  ${check.padEnd(22)}${found}${fix === undefined ? '' : `\n      ${' '.repeat(22)}-> ${fix}`}`
}

await runCommand(USAGE, async () => {
  const { json } = readArguments({ json: { type: 'boolean' } }).values
  const findings = await examine()
  console.log(json ? JSON.stringify(findings, null, 2) : findings.map(describe).join('\n'))
  const failed = findings.filter(({ level }) => level === 'fail').length
  if (failed > 0) throw new Error(`${failed} of ${findings.length} failed`)
})
