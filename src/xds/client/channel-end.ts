import { type CallCredentials, ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js'

type CreateConnector = ChannelCredentials['_createSecureConnector']
type SecureConnector = ReturnType<CreateConnector>

/**
 * Credentials whose connections end with their channel. grpc-js goes on with a connection that was refused even when its channel is closed by then, and
 * keeps what comes of it, though nobody uses it, for as long as the server lives: so every attempt of an outage would leave one behind.
 */
export function endingWithChannel(credentials: ChannelCredentials): ChannelCredentials {
  return new EndingCredentials(credentials)
}

class EndingCredentials extends ChannelCredentials {
  readonly #credentials: ChannelCredentials

  constructor(credentials: ChannelCredentials) {
    super()
    this.#credentials = credentials
  }

  _isSecure(): boolean {
    return this.#credentials._isSecure()
  }

  _equals(other: ChannelCredentials): boolean {
    return this === other
  }

  _createSecureConnector(
    target: Parameters<CreateConnector>[0],
    options: ChannelOptions,
    callCredentials?: CallCredentials,
  ): SecureConnector {
    const connector = this.#credentials._createSecureConnector(target, options, callCredentials)
    let isDestroyed = false
    return {
      connect: (socket) => connector.connect(socket),
      // Asked before a connection is opened; `destroy` is called when no channel refers to it any more.
      waitForReady: () => (isDestroyed ? Promise.reject(new Error('The channel is closed')) : connector.waitForReady()),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => {
        isDestroyed = true
        connector.destroy()
      },
    }
  }
}
