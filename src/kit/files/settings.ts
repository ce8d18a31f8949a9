// Declares the setting of files: where their bytes lie.
import { setting } from '../config/setting.ts'
import { checked } from '../config/urls.ts'

export const filesSettings = {
  filesUrl: setting('FILES_URL', checked(faultOf).optional(), {
    about:
      'Where files lie: a folder, `file:///srv/files`, that all processes share, or a bucket of an S3: `s3://key:secret@host/bucket?region=eu-central-1`, `s3+http://` without TLS',
    unset: '`files` in `DATA_DIR`',
    example: 's3://key:secret@s3.eu-central-1.amazonaws.com/my-bucket?region=eu-central-1',
    isUrl: true,
  }),
}

/** The value is not shown: it may hold a secret. */
function faultOf(value: string): string | undefined {
  const like =
    'must be file:///folder or s3://key:secret@host/bucket?region=name; in the secret write %2F for / and %2B for +'
  if (!URL.canParse(value)) return like
  const { protocol, hostname, pathname, username, password, searchParams, hash } = new URL(value)
  if (protocol === 'file:') return hostname === '' && pathname.length > 1 ? undefined : like
  if (!['s3:', 's3+http:'].includes(protocol) || hostname === '' || hash !== '') return like
  if (username === '' || password === '') return 'names no key and secret: write s3://key:secret@host/bucket'
  if (!/^\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/?$/.test(pathname))
    return 'names no bucket: write one behind the host, and nothing behind it'
  const other = [...searchParams.keys()].find((name) => name !== 'region')
  return other === undefined
    ? undefined
    : `has the parameter ${other}, which is not supported: only region is`
}
