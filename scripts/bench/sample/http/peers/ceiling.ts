// The ceiling: the same I/O and the same answers by Bun's own server, redis and sql, and nothing else.
import { verify } from '@node-rs/argon2'
import { RedisClient, serve, SQL } from 'bun'

const { PORT, DATABASE_URL = '', REDIS_URL = '' } = process.env
const sql = new SQL(DATABASE_URL, { max: 4 })
const redis = new RedisClient(REDIS_URL)
const SESSION_SECONDS = String(30 * 24 * 60 * 60)

serve({
  port: Number(PORT),
  hostname: '127.0.0.1',
  reusePort: true,
  async fetch(request) {
    const path = request.url.slice(request.url.indexOf('/', 8))
    if (path === '/health') return Response.json({ status: 'ok' })
    if (path === '/api/login') return login(await request.json())
    const session = await openSession(request)
    if (path === '/api/me') return Response.json({ me: await findUser(session.userId) })
    if (request.method === 'POST') return createMovie(session.userId, await request.json())
    return Response.json(await listMovies(Number(new URLSearchParams(path.split('?')[1]).get('limit'))))
  },
})

const digestOf = (token: string) => new Bun.CryptoHasher('sha256').update(token).digest('hex')

async function openSession(request: Request): Promise<{ userId: string }> {
  const token = request.headers.get('cookie')?.slice('session='.length) ?? ''
  const text = await redis.send('GETEX', [`restbun:s:${digestOf(token)}`, 'EX', SESSION_SECONDS])
  return JSON.parse(String(text))
}

async function findUser(id: string) {
  const [user] = await sql`
    select id, email, email_proof is not null as verified, first_name, last_name, company, role, tags, created, modified,
      trim(first_name || ' ' || last_name) as fullname from users where id = ${id}`
  return user
}

const listMovies = async (limit: number) => [
  ...(await sql`
    select id::text, title, director, creator, created, modified from movies order by movies.id limit ${limit}`),
]

async function createMovie(creator: string, { title, director }: { title: string; director: string }) {
  await findUser(creator)
  const [movie] =
    await sql`insert into movies (title, director, creator) values (${title}, ${director}, ${creator})
    returning id::text, title, director, creator, created, modified`
  return Response.json(movie, { status: 201 })
}

async function login({ email, password }: { email: string; password: string }) {
  const [{ password: hash, ...user }] = await sql`
    select id, email, email_proof is not null as verified, first_name, last_name, company, role, tags, created, modified,
      trim(first_name || ' ' || last_name) as fullname, password
    from users where lower(email) = lower(${email})`
  if (!(await verify(hash, password))) return new Response(null, { status: 400 })
  const token = crypto
    .getRandomValues(new Uint8Array(32))
    .toBase64({ alphabet: 'base64url', omitPadding: true })
  const digest = digestOf(token)
  const now = Date.now()
  const identity = { userId: user.id, role: user.role, ip: '127.0.0.1', agent: '', loginAt: now, sentAt: now }
  const index = `restbun:u:${user.id}`
  await Promise.all([
    redis.sadd(index, digest),
    redis.send('SET', [
      `restbun:s:${digest}`,
      JSON.stringify({ ...identity, remember: true }),
      'EX',
      SESSION_SECONDS,
    ]),
    redis.expire(index, Number(SESSION_SECONDS)),
    redis.send('SCARD', [index]),
  ])
  await findUser(user.id)
  return Response.json(user, { headers: { 'Set-Cookie': `session=${token}; Path=/; HttpOnly; Secure` } })
}
