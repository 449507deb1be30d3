// The handlers for comments on articles.

import { anyone, authenticated, handler, policy, type Static, shaped, Type } from "quater";
import { type Database, db } from "./database.ts";
import { absent, notFound, notYours } from "./refusals.ts";
import { Comment, LongText, type Profile, Slug } from "./schemas.ts";

type Found = Omit<Static<typeof Comment>, "author"> & Profile & { isOwn: number };

const articleIdOf = (db: Database, slug: string): number =>
  db.first<{ id: number }>("select id from articles where slug = :slug", { slug })?.id ?? notFound("article");

const commentsOn = (db: Database, slug: string) => {
  const found = db.all<Found>(
    `select c.id, body, created_at as createdAt, created_at as updatedAt, c.author_id = :viewer as isOwn, username, bio, image,
       exists (select 1 from follows where follower_id = :viewer and followed_id = u.id) as following
     from comments c join users u on u.id = c.author_id where article_id = :article order by c.id desc`,
    { article: articleIdOf(db, slug) },
  );
  return found.map(({ username, bio, image, following, ...row }) => ({ ...row, author: { username, bio, image, following } }));
};

const commentOf = (db: Database, slug: string, id: number | undefined) =>
  commentsOn(db, slug).find((comment) => comment.id === id) ?? notFound("comment");

export const listComments = handler({
  description: "List the comments on an article, newest first.",
  effect: "read",
  input: Type.Object({ slug: Slug }),
  output: shaped(Type.Array(Comment)),
  auth: anyone,
  use: { db },
  problems: [absent],
  handle: ({ slug }, { db }) => commentsOn(db, slug),
});

export const addComment = handler({
  description: "Comment on an article.",
  effect: "write",
  input: Type.Object({ slug: Slug, body: LongText }),
  output: shaped(Comment),
  auth: authenticated,
  use: { db },
  problems: [absent],
  handle: ({ slug, body }, { db }) => {
    const values = { body, article: articleIdOf(db, slug), now: new Date().toISOString() };
    const insert = `insert into comments (body, author_id, article_id, created_at)
      values (:body, :viewer, :article, :now) returning id`;
    return commentOf(db, slug, db.first<{ id: number }>(insert, values)?.id);
  },
});

const CommentId = Type.Integer({ minimum: 1 });

const isCommentAuthor = policy({
  name: "isCommentAuthor",
  needs: { slug: Slug, id: CommentId },
  use: { db },
  allow: ({ input: { slug, id }, db }) =>
    commentOf(db, slug, id).isOwn === 1 || notYours("forbidden", { details: { about: "comment" } }),
});

export const deleteComment = handler({
  description: "Delete a comment of the caller.",
  effect: "destructive",
  input: Type.Object({ slug: Slug, id: CommentId }),
  output: Type.Null(),
  auth: [authenticated, isCommentAuthor],
  use: { db },
  problems: [absent, notYours],
  handle: ({ id }, { db }) => {
    db.all("delete from comments where id = :id", { id });
    return null;
  },
});
