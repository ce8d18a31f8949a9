// A checkout of its own in a temporary folder, for commands that change one: with the packages of this one.
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const ROOT = join(import.meta.dir, '../../..')
const NOT_COPIED = ['node_modules', '.git', '.data', '.env']
const AUTHOR = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com', '-c', 'commit.gpgsign=false']

export type Checkout = ReturnType<typeof openCheckout>

/** The working tree as it is now, committed in a repository of its own. */
export function copyCheckout() {
  const root = newFolder()
  cpSync(ROOT, root, { recursive: true, filter: (path) => !NOT_COPIED.includes(basename(path)) })
  const checkout = openCheckout(root)
  checkout.git('init', '--quiet', '--initial-branch=main')
  borrowObjects(root)
  linkPackages(root)
  checkout.commit('as it was')
  checkout.keep()
  return checkout
}

/** A clean clone: what is not committed is not in it. @param from another checkout than this one */
export function cloneCheckout(from = ROOT) {
  const root = newFolder()
  const { success, stderr } = Bun.spawnSync(['git', 'clone', '--quiet', from, root])
  if (!success) throw new Error(stderr.toString())
  linkPackages(root)
  return openCheckout(root)
}

const newFolder = () => realpathSync(mkdtempSync(join(tmpdir(), 'fork-')))

/** What this checkout has committed is read from there, not compressed and written once more: a tenth of the CPU. */
function borrowObjects(root: string): void {
  const { success, stdout } = Bun.spawnSync(
    ['git', 'rev-parse', '--path-format=absolute', '--git-path', 'objects'],
    { cwd: ROOT },
  )
  if (success) writeFileSync(join(root, '.git/objects/info/alternates'), stdout)
}

/** The packages of this checkout; .gitignore names a folder, and no link. */
function linkPackages(root: string): void {
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  writeFileSync(join(root, '.git/info/exclude'), 'node_modules\n')
}

/** One that is there already, and has its packages. */
export function openCheckout(root: string) {
  function git(...args: string[]): string {
    const { success, stdout, stderr } = Bun.spawnSync(['git', ...AUTHOR, ...args], { cwd: root })
    if (!success) throw new Error(`git ${args.join(' ')}: ${stdout.toString()}${stderr.toString()}`)
    return stdout.toString()
  }

  return {
    root,
    git,
    commit(message: string) {
      git('add', '--all')
      git('commit', '--quiet', '--allow-empty', '-m', message)
    },
    /** What is committed now is what `restore` goes back to. */
    keep: () => void git('update-ref', 'refs/kept', 'HEAD'),
    /** As it was kept, for the next test. */
    restore() {
      git('reset', '--quiet', '--hard', 'refs/kept')
      git('clean', '-fdq')
    },
    /** What differs from the last commit. */
    changes: () => git('status', '--porcelain', '--untracked-files=all').trimEnd(),
    read: (path: string) => readFileSync(join(root, path), 'utf8'),
    /** Runs a command of its scripts; all that it printed is in `said`. */
    async run(script: string, args: string[] = [], env: Record<string, string> = {}) {
      const child = Bun.spawn([process.execPath, join(root, 'scripts', `${script}.ts`), ...args], {
        cwd: root,
        env: { ...process.env, NODE_ENV: 'development', ...env },
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
      return { code, out, err, said: out + err }
    },
    remove: () => rmSync(root, { recursive: true }),
  }
}
