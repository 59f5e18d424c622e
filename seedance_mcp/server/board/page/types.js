/** The shapes that the server sends, and what parts of the page hand to each other: types only, never loaded. */

/** @typedef {{ amount: string, currency: string, usd: string }} Amount */
/** @typedef {{ code: string, message: string, hint: string, problems?: string[] }} Failure */
/** @typedef {"good" | "usable" | "bad"} Verdict */
/**
 * @typedef {object} Review
 * @property {Verdict} verdict
 * @property {string} by who judged: `person` or `assistant`
 * @property {string} notes
 * @property {Record<string, number>} scores 1 to 5 each
 */
/**
 * @typedef {object} JobCard
 * @property {string} job_id
 * @property {string} status
 * @property {string} provider
 * @property {string} model
 * @property {boolean} stopping whether the provider was asked to stop it
 * @property {string} prompt its beginning, if it is long
 * @property {number} prompt_characters how long all of it is
 * @property {boolean} placeholder
 * @property {number | null} progress 0 to 1
 * @property {Amount} estimate
 * @property {Amount | null} charge
 * @property {number | null} width
 * @property {number | null} height
 * @property {number | null} duration_seconds
 * @property {string} created_at
 * @property {string | null} finished_at
 * @property {Failure | null} error
 * @property {string[]} notes
 * @property {boolean} has_video
 * @property {number | null} bytes
 * @property {{ based_on: string | null, continues: string | null } | null} lineage
 * @property {Record<string, unknown>} settings
 * @property {Review | null} [review]
 * @property {{ id: string, number: number } | null} [group]
 * @property {string | null} video_url
 * @property {string | null} url_expires_at
 * @property {boolean} [never_bought] it ended with nothing bought
 * @property {string | null} price_again_usd
 * @property {string | null} [media] where the local server has the video
 * @property {string | null} [video_path]
 */
/**
 * @typedef {object} Waiting A price that a person was asked about and has not answered.
 * @property {string} question_id
 * @property {string | null} [code] with one it waits for an administrator
 * @property {string | null} [person] whose it is, if another's; empty for whoever runs the server
 * @property {string} text the whole question, in English
 * @property {string} provider
 * @property {string} model
 * @property {string} usd the most that it costs, or what is counted if that is not known
 * @property {boolean} known
 * @property {string} reason
 * @property {string} length in English words
 * @property {number} count how many videos are bought together
 * @property {string} prompt its beginning, if it is long
 * @property {number} prompt_characters how long all of it is
 * @property {string[]} notes
 * @property {string} asked_at
 * @property {string} expires_at
 */
/**
 * @typedef {object} Spending
 * @property {{ per_job_usd: string | null, per_day_usd: string | null, jobs_per_hour: number | null }} caps
 * @property {string} spent_today_usd
 * @property {string} reserved_usd
 * @property {string} left_today_usd
 * @property {{ provider: string, usd: string }[]} providers
 */
/**
 * @typedef {object} Board
 * @property {string} now
 * @property {string} version
 * @property {JobCard[]} jobs newest first
 * @property {string | null} more where older jobs go on
 * @property {number} total
 * @property {Waiting[]} waiting
 * @property {Spending} spending
 * @property {string[]} notes
 * @property {string | null} local_url
 * @property {string | null} [team] whose board it is, where there are several teams
 * @property {Rights} [rights] what who looks may do; everything that is their own, if it is not said
 */
/** @typedef {{ may_change: boolean, administers: boolean }} Rights */
/**
 * @typedef {object} Team What administrators see of all together; people with an empty name run the server.
 * @property {string} today
 * @property {string} per_day_usd
 * @property {string | null} per_day_per_person_usd
 * @property {string | null} approve_above_usd
 * @property {{ day: string, person: string, jobs: number, usd: string }[]} spending newest day first
 * @property {{ job_id: string, person: string, created_at: string, status: string, provider: string, model: string, usd: string | null }[]} jobs newest first
 * @property {{ at: string, answer: string, administrator: string, person: string, usd: string | null, job_id: string | null }[]} answers newest first
 */
/** @typedef {"animatic" | "draft" | "final"} Quality */
/**
 * @typedef {object} FilmName
 * @property {string} film_id
 * @property {string} title
 * @property {string} file_name of the person's document; empty if an assistant wrote it
 */
/**
 * @typedef {object} Take One take of a shot; without a job it is not bought yet.
 * @property {string} shot
 * @property {number} number
 * @property {Quality} quality
 * @property {boolean} shown whether the film shows it
 * @property {boolean} chosen whether because a person said so
 * @property {JobCard | null} job
 */
/**
 * @typedef {object} Shot
 * @property {string} shot
 * @property {number} seconds
 * @property {string} prompt its beginning, if it is long
 * @property {string[]} says
 * @property {string | null} continues the shot whose take it goes on from
 * @property {string} state
 * @property {string[]} why in English words
 * @property {number | null} take
 * @property {string | null} job_id
 * @property {Take[]} takes of every quality, the oldest first
 */
/**
 * @typedef {object} Joined The joined film.
 * @property {string} version changes with the file
 * @property {string} path
 * @property {{ start: number, title: string }[]} chapters
 * @property {string} language of the captions; `und` if nobody has said
 * @property {string | null} media where the local server has it
 * @property {string | null} captions where it has its captions
 */
/**
 * @typedef {object} Film
 * @property {string} film_id
 * @property {string} title
 * @property {string} file_name of the person's document; empty if an assistant wrote it
 * @property {string} status
 * @property {Quality} quality at which it was last made
 * @property {number} seconds
 * @property {string} spent_usd
 * @property {string} revision changes with whatever its plans follow from
 * @property {Shot[]} shots in the order of the film
 * @property {string[]} problems
 * @property {string[]} advice what was measured in it
 * @property {Joined | null} joined
 */
/**
 * @typedef {object} FilmPlan What making a film would buy; amounts may be `unknown`.
 * @property {string} film_id
 * @property {Quality} quality
 * @property {string | null} plan the token that agrees to it; null if it cannot be made
 * @property {{ shot: string, take: number, why: string, provider: string, model: string, usd: string }[]} rows
 * @property {string} expected_usd
 * @property {string} usd the most that it costs
 * @property {string} left_today_usd
 * @property {Partial<Record<Quality, string>>} totals the most at each quality
 * @property {string[]} problems
 * @property {string} refused why it cannot be made now, though there is nothing wrong with it
 * @property {string[]} notes
 */
/**
 * @typedef {object} Films What can be asked of films.
 * @property {(filmId: string | null) => Promise<{ films: FilmName[], film: Film | null }>} list all by name, and one in full
 * @property {(filmId: string, wanted: { quality: Quality, redo?: string[], keep?: string[] }) => Promise<FilmPlan>} plan buys nothing
 * @property {(plan: FilmPlan) => Promise<{ plan: FilmPlan, differences: string[] } | null>} make buys just this plan; if it no longer fits, the one that does
 * @property {(filmId: string, shot: string, take: number | null) => Promise<void>} choose
 * @property {(filmId: string) => Promise<string>} cancel what became of it, in English words
 */
/**
 * @typedef {object} Way One way to play a video; `load` resolves to an address, and tells how much has arrived (0 to 1).
 * @property {(progress: (part: number) => void) => Promise<string>} load
 */
/**
 * @typedef {object} Look What a host wants the page to look like; what it leaves out stays as it was.
 * @property {string} [theme] `light` or `dark`
 * @property {string} [locale]
 * @property {Record<string, string | undefined>} [variables] CSS custom properties
 * @property {string} [mode] `inline` or `fullscreen`
 */
/**
 * @typedef {object} Listener What a connection tells the page.
 * @property {() => void} changed something on the board is different now
 * @property {(state: "live" | "lost" | "ended") => void} reach whether the server can be reached; `ended` does not come back
 * @property {(look: Look) => void} look
 * @property {(jobId: string) => void} focus the chat is about this job now
 */
/**
 * @typedef {object} Connection The way to the server, the same for the page in a browser and in a chat; what is null cannot be done there.
 * @property {"local" | "app"} place
 * @property {(listener: Listener) => Promise<void>} open
 * @property {(before: string | null) => Promise<Board>} snapshot
 * @property {(tool: string, given: Record<string, unknown>) => Promise<Record<string, unknown>>} call
 * @property {(job: JobCard) => Promise<string | null>} poster a picture as `data:` URL
 * @property {(job: JobCard) => Promise<string | null>} sheet the contact sheet, likewise
 * @property {(job: JobCard) => Way[]} ways the best first
 * @property {(given: Record<string, unknown>, mostUsd: string, key: string) => Promise<string | null>} buy buys what costs no more than that, once for each key; the id of the job
 * @property {(job: JobCard, opinion: Omit<Review, "by">) => Promise<void>} review keeps a person's verdict
 * @property {((question: Waiting, agrees: boolean) => Promise<void>) | null} answer
 * @property {Films | null} films
 * @property {(() => Promise<Team>) | null} [team] for administrators
 * @property {((job: JobCard) => Promise<void>) | null} openFolder
 * @property {(() => Promise<void>) | null} signOut
 * @property {((url: string) => Promise<boolean>) | null} openLink
 * @property {((text: string) => Promise<void>) | null} say writes into the chat
 * @property {((mode: "inline" | "fullscreen") => Promise<void>) | null} display
 */
/**
 * @typedef {object} Part A piece of the page; `update` shows what the state says now, and leaves alone what has not changed.
 * @property {HTMLElement} root
 * @property {() => void} update
 */

export {};
