// Declares the setting of channels: how many streams a process holds.
import { setting } from '../config/setting.ts'
import { integer } from '../config/values.ts'

export const channelsSettings = {
  channelStreams: setting('CHANNEL_STREAMS', integer(0, 100_000).default(5000), {
    about:
      'Streams of channels that one API process holds at a time, each an open file and some 20 KB; further ones are answered by 503',
    isPrintable: true,
  }),
}
