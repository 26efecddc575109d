// Walks the product from sign-in to a filed issue with PocketBase's own SDK,
// as a program of an operator would. test/acceptance starts the server and sets
// URL, EMAIL, OUTSIDER, PASSWORD and KEY. It ends with 0 and one line of JSON,
// or with the first thing that is not as it must be.
import assert from 'node:assert/strict'
import { EventSource } from 'eventsource'
import PocketBase, { ClientResponseError } from 'pocketbase'

globalThis.EventSource = EventSource // Node has none, and the SDK needs it for subscribe()

const { URL: url, EMAIL: email, OUTSIDER: outsider, PASSWORD: password, KEY: key } = process.env

// until waits for a condition, at most ten seconds.
async function until(what, ok) {
  const end = Date.now() + 10_000
  for (;;) {
    const got = ok()
    if (got) return got
    assert.ok(Date.now() < end, `waited 10 s in vain for ${what}`)
    await new Promise(go => setTimeout(go, 10))
  }
}

// refusal returns the error of a call that must fail.
async function refusal(promise) {
  try {
    await promise
  } catch (err) {
    assert.ok(err instanceof ClientResponseError, String(err))
    return err
  }
  assert.fail('this must be refused')
}

const pb = new PocketBase(url)
pb.autoCancellation(false)
const stranger = new PocketBase(url)
stranger.autoCancellation(false)
const nobody = new PocketBase(url)

// Sign in.
assert.equal((await refusal(pb.collection('users').authWithPassword(email, 'wrong'))).status, 400)
const session = await pb.collection('users').authWithPassword(email, password)
assert.equal(session.record.email, email)
assert.ok(pb.authStore.isValid)
await stranger.collection('users').authWithPassword(outsider, password)

// Subscribe: a member, somebody without a role, and nobody at all.
const seen = { member: [], stranger: [], nobody: [], issues: [] }
await pb.collection('feedback').subscribe('*', e => seen.member.push(e))
await pb.collection('issues').subscribe('*', e => seen.issues.push(e))
await stranger.collection('feedback').subscribe('*', e => seen.stranger.push(e))
await nobody.collection('feedback').subscribe('*', e => seen.nobody.push(e)).catch(() => {})
const events = (list, id) => list.filter(e => e.record.id === id)

// Create feedback: as an approver, and with an ingest key.
const project = (await pb.collection('projects').getFirstListItem('slug = "default"')).id
const first = await pb.collection('feedback').create({
  project, source: 'sdk', content: 'The app crashes when I tap on the 🚀 button', user_id: 'maya', user_name: 'Maya',
})
assert.equal(first.class, 'bug')
assert.equal(first.content, 'The app crashes when I tap on the 🚀 button')
assert.ok(first.confidence > 0 && first.reasoning.length > 10)
await until('the first message to be joined', () => events(seen.member, first.id).some(e => e.action === 'update' && e.record.state === 'joined'))
assert.ok(events(seen.member, first.id).some(e => e.action === 'create' && e.record.state === 'received'))

const keyed = await nobody.collection('feedback').create(
  { source: 'sdk', content: 'the app crashes when tapping on the 🚀 button!!', user_id: 'tom' },
  { headers: { 'X-API-Key': key } },
)
assert.equal(keyed.project, project)
const joined = await until('the second message to be joined', () => events(seen.member, keyed.id).find(e => e.record.state === 'joined'))
const issue = events(seen.member, first.id).find(e => e.record.state === 'joined').record.issue
assert.equal(joined.record.issue, issue, 'the two are one matter')

// Refusals have numbers, through the SDK too.
const empty = await refusal(pb.collection('feedback').create({ project, source: 'sdk', content: '  ' }))
assert.equal(empty.status, 400)
assert.equal(empty.response.code, 40005)
assert.equal((await refusal(nobody.collection('feedback').create({ content: 'no key' }))).status, 400)
assert.equal((await refusal(nobody.collection('feedback').create({ content: 'a wrong key' }, { headers: { 'X-API-Key': 'isk_wrong' } }))).response.code, 40102)
assert.equal((await refusal(pb.collection('feedback').update(first.id, { state: 'noise' }))).status, 403)

// Lists: filters with parameters, no total, sorted.
await pb.collection('feedback').create({ project, source: 'sdk', content: 'Please add a dark mode to the reading view' })
const bugs = await pb.collection('feedback').getList(1, 10, {
  filter: pb.filter('class = {:class} && source = {:source} && content ~ {:word}', { class: 'bug', source: 'sdk', word: '🚀' }),
  sort: '-created', skipTotal: true, fields: 'id,class,content,issue',
})
assert.equal(bugs.totalItems, -1)
assert.deepEqual(new Set(bugs.items.map(f => f.id)), new Set([first.id, keyed.id]))
assert.deepEqual(Object.keys(bugs.items[0]).sort(), ['class', 'content', 'id', 'issue'])
const quoted = await pb.collection('feedback').getList(1, 10, { filter: pb.filter('content = {:t}', { t: "' || id != '" }), skipTotal: true })
assert.equal(quoted.items.length, 0)
const full = await pb.collection('feedback').getOne(first.id, { expand: 'issue,reporter' })
assert.equal(full.expand.issue.report_count, 2)
assert.equal(full.expand.issue.reporter_count, 2)
assert.equal(full.expand.reporter.handle, 'Maya')
assert.equal((await stranger.collection('feedback').getList(1, 10)).items.length, 0)
assert.equal((await refusal(stranger.collection('feedback').getOne(first.id))).status, 404)

// Approve, with the version that was seen; a second time it is too late.
const approve = version => pb.send(`/api/issues/${issue}/approve`, { method: 'POST', body: { version } })
assert.equal((await refusal(approve(99))).response.code, 40901)
const done = await approve(full.expand.issue.version)
assert.equal(done.issue.state, 'approved')
assert.equal((await refusal(approve(full.expand.issue.version))).status, 409)
const filed = await until('the issue to be filed', () => seen.issues.find(e => e.record.id === issue && e.record.state === 'filed'))
assert.ok(filed.record.tracker_key && filed.record.tracker_url)

// Nothing reached those who may not see it.
assert.deepEqual([seen.stranger.length, seen.nobody.length], [0, 0])
await pb.collection('feedback').unsubscribe()
const before = seen.member.length
await pb.collection('feedback').create({ project, source: 'sdk', content: 'Printing an invoice freezes the browser' })
await new Promise(go => setTimeout(go, 200))
assert.equal(seen.member.length, before, 'unsubscribed')

console.log(JSON.stringify({ ok: true, issue, events: before, version: filed.record.version }))
process.exit(0) // open event sources would keep Node alive
