// Methods that the parts around a channel speak among themselves. Applications leave them alone.

export const RESERVED_PREFIX = '__';
export const RESERVED_SUFFIX = '__';

/** All of them. "Manager" is the process that starts another, "worker" the one that was started. */
export const ReservedMethods = {
  HANDSHAKE: '__handshake__',
  HEARTBEAT_PING: '__heartbeat_ping__',
  HEARTBEAT_PONG: '__heartbeat_pong__',
  DATA_CHANNEL_READY: '__data_channel_ready__',
  DATA_CHANNEL_ERROR: '__data_channel_error__',
  SHUTDOWN: '__shutdown__',
  SHUTDOWN_COMPLETE: '__shutdown_complete__',
  STREAM_OPEN: '__stream_open__',
  STREAM_DATA: '__stream_data__',
  STREAM_END: '__stream_end__',
  STREAM_CLOSE: '__stream_close__',
  STREAM_ABORT: '__stream_abort__',
  CREDIT_GRANT: '__credit_grant__',
  CREDIT_EXHAUSTED: '__credit_exhausted__',
} as const;

export type ReservedMethod = (typeof ReservedMethods)[keyof typeof ReservedMethods];

/** Whether `method` begins and ends with two underscores. */
export function isReservedMethod(method: string): boolean {
  return method.startsWith(RESERVED_PREFIX) && method.endsWith(RESERVED_SUFFIX);
}

/** Error if an application may not use `method`. */
export function validateUserMethod(method: string): void {
  if (!isReservedMethod(method)) return;
  throw new Error(
    `Method '${method}' is reserved for protocol use. User methods cannot start and end with '__'.`,
  );
}

/** `__handshake__`, manager to worker. */
export interface HandshakeParams {
  version: string;
  capabilities: string[];
  data_channel?: { path: string; serialization: string };
}

export interface HandshakeResult {
  version: string;
  capabilities: string[];
  worker_info?: { name: string; language: string; pid: number };
}

/** `timestamp` is in milliseconds since 1970. */
export interface HeartbeatPingParams {
  timestamp: number;
  seq: number;
}

/** Both numbers are those of the ping. */
export interface HeartbeatPongParams {
  timestamp: number;
  seq: number;
  load?: WorkerLoad;
}

export interface WorkerLoad {
  /** 0 to 100. */
  cpu_percent?: number;
  memory_mb?: number;
  pending_requests?: number;
  custom?: Record<string, unknown>;
}

export type ShutdownReason =
  | 'user_requested'
  | 'manager_shutdown'
  | 'idle_timeout'
  | 'error_threshold'
  | 'restart'
  | 'heartbeat_dead';

export interface ShutdownParams {
  timeout_ms: number;
  reason: ShutdownReason;
}

export interface ShutdownResult {
  status: 'shutting_down';
  pending_requests: number;
}

export interface ShutdownCompleteParams {
  exit_code: number;
}

export interface DataChannelReadyParams {
  path: string;
}

export interface DataChannelErrorParams {
  /** A code such as EADDRINUSE. */
  error: string;
  message: string;
  path: string;
}

export type StreamDirection = 'push' | 'pull';

export interface StreamOpenParams {
  stream_id: string;
  method: string;
  direction: StreamDirection;
  params?: unknown;
  initial_credits?: number;
}

export interface StreamOpenResult {
  stream_id: string;
  accepted: boolean;
  initial_credits?: number;
  reason?: string;
}

export interface StreamDataParams {
  stream_id: string;
  seq: number;
  payload?: unknown;
  /** Where an Arrow payload begins in the frame, and how many bytes it has. */
  _arrow_offset?: number;
  _arrow_length?: number;
}

export interface StreamEndParams {
  stream_id: string;
  final_seq: number;
  checksum?: string;
}

export interface StreamCloseParams {
  stream_id: string;
}

export interface StreamCloseResult {
  stream_id: string;
  frames_sent: number;
  frames_received: number;
  result?: unknown;
}

export interface StreamAbortParams {
  stream_id: string;
  reason: string;
  message?: string;
}

export interface CreditGrantParams {
  stream_id: string;
  /** How many more frames may be sent. */
  credits: number;
}

export interface CreditExhaustedParams {
  stream_id: string;
  pending_frames: number;
}
