"""
The engine of `pinpoint-events load`, from lines of files to settled batches.

One straight way: `lines` reads and numbers, `content` says what a line holds, `batch`
packs it within quotas, `loading` sends several at a time and settles them in the order
of the lines. What a settled batch adds stands in three places, which agree at every
moment: the `books`, the file of what was `not_accepted`, and the `checkpoint`.
"""
