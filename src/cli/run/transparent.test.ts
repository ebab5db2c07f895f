import { expect, test } from 'bun:test'
import { ownedChains, redirectRules, removalRules } from './transparent.ts'

test('redirectRules() catches virtual addresses and DNS before it lets loopback pass', () => {
  const rules = redirectRules('WEFT-51000-7', 51_000, { transparentPort: 15_001, dnsPort: 15_053 }).map((rule) =>
    rule.join(' '),
  )
  expect(rules).toEqual([
    '-N WEFT-51000-7',
    '-A WEFT-51000-7 -p udp --dport 53 -j REDIRECT --to-ports 15053',
    '-A WEFT-51000-7 -p tcp -d 240.240.0.0/16 -j REDIRECT --to-ports 15001',
    '-A WEFT-51000-7 -d 127.0.0.0/8 -j RETURN',
    '-A WEFT-51000-7 -p tcp -j REDIRECT --to-ports 15001',
    '-A OUTPUT -m owner --gid-owner 51000 -j WEFT-51000-7',
  ])
})

test('removalRules() unhooks the chain before it is removed', () => {
  expect(removalRules('C', 1).map((rule) => rule[0])).toEqual(['-D', '-F', '-X'])
})

test('ownedChains() finds the chains of other supervisors in a listing', () => {
  const listing =
    '-P OUTPUT ACCEPT\n-N DOCKER\n-N WEFT-51007-1234\n-A OUTPUT -m owner --gid-owner 51007 -j WEFT-51007-1234\n'
  expect(ownedChains(listing)).toEqual([{ chain: 'WEFT-51007-1234', groupId: 51_007, pid: 1234 }])
})
