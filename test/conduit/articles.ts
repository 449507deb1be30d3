// The handlers for articles, the feed, favorites and tags.

import { randomBytes } from "node:crypto";
import { anyone, authenticated, handler, policy, type Static, shaped, Type } from "quater";
import { type Database, db, type Row, type Values } from "./database.ts";
import { absent, notFound, notYours } from "./refusals.ts";
import { Article, ArticlePage, ArticleText, Page, type Profile, Slug } from "./schemas.ts";

type Found = Omit<Static<typeof Article>, "tagList" | "author"> & Profile & { id: number; tagList: string };

const from = "from articles a join users u on u.id = a.author_id";
const select = `
  select a.id, slug, title, description, body, tag_list as tagList, created_at as createdAt, updated_at as updatedAt,
    exists (select 1 from favorites where article_id = a.id and user_id = :viewer) as favorited,
    (select count(*) from favorites where article_id = a.id) as favoritesCount,
    username, bio, image, exists (select 1 from follows where follower_id = :viewer and followed_id = u.id) as following
  ${from}`;

const articleFrom = ({ username, bio, image, following, ...row }: Row<Found>) => ({
  ...row,
  tagList: JSON.parse(row.tagList) as string[],
  author: { username, bio, image, following },
});

const articleOf = (db: Database, slug: string) =>
  articleFrom(db.first<Found>(`${select} where slug = :slug`, { slug }) ?? notFound("article"));

const pageOf = (db: Database, where: string, values: Values) => ({
  articles: db.all<Found>(`${select} where ${where} order by a.id desc limit :limit offset :offset`, values).map(articleFrom),
  articlesCount: db.first<{ count: number }>(`select count(*) as count ${from} where ${where}`, values)?.count ?? 0,
});

/** Returns the words of the title. If another article has this slug, random letters are added. */
const slugFor = (db: Database, title: string): string => {
  const slug =
    title
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu)
      ?.join("-") ?? "article";
  const isTaken = db.first("select 1 from articles where slug = :slug", { slug }) !== undefined;
  return isTaken ? `${slug}-${randomBytes(4).toString("hex")}` : slug;
};

const isAuthor = policy({
  name: "isAuthor",
  needs: { slug: Slug },
  use: { db },
  allow: ({ input: { slug }, db }) => {
    const found = db.first<{ isOwn: number }>("select author_id = :viewer as isOwn from articles where slug = :slug", { slug });
    return (found ?? notFound("article")).isOwn === 1 || notYours("forbidden", { details: { about: "article" } });
  },
});

export const listArticles = handler({
  description: "List articles, newest first. Filters can be combined.",
  effect: "read",
  input: Type.Object({
    tag: Type.Optional(Type.String()),
    author: Type.Optional(Type.String({ description: "The username of the author" })),
    favorited: Type.Optional(Type.String({ description: "The username of a user who likes the article" })),
    ...Page,
  }),
  output: shaped(ArticlePage),
  auth: anyone,
  use: { db },
  handle: ({ tag = null, author = null, favorited = null, ...page }, { db }) => {
    const where = `(:tag is null or exists (select 1 from json_each(tag_list) where value = :tag))
      and (:author is null or username = :author)
      and (:favorited is null or exists (
        select 1 from favorites f join users fan on fan.id = f.user_id where f.article_id = a.id and fan.username = :favorited))`;
    return pageOf(db, where, { tag, author, favorited, ...page });
  },
});

export const feed = handler({
  description: "List articles of the users whom the caller follows, newest first.",
  effect: "read",
  input: Type.Object(Page),
  output: shaped(ArticlePage),
  auth: authenticated,
  use: { db },
  handle: (page, { db }) =>
    pageOf(db, "exists (select 1 from follows where follower_id = :viewer and followed_id = a.author_id)", page),
});

export const createArticle = handler({
  description: "Publish an article.",
  effect: "write",
  input: Type.Object({ ...ArticleText, tagList: Type.Optional(ArticleText.tagList) }),
  output: shaped(Article),
  auth: authenticated,
  use: { db },
  handle: ({ tagList = [], ...given }, { db }) => {
    const slug = slugFor(db, given.title);
    db.all(
      `insert into articles (slug, title, description, body, tag_list, author_id, created_at, updated_at)
       values (:slug, :title, :description, :body, :tags, :viewer, :now, :now)`,
      { ...given, slug, tags: JSON.stringify(tagList), now: new Date().toISOString() },
    );
    return articleOf(db, slug);
  },
});

const ofArticle = { input: Type.Object({ slug: Slug }), output: shaped(Article), use: { db }, problems: [absent] };
const ofFan = { ...ofArticle, effect: "write", idempotent: true, auth: authenticated } as const;
const ofAuthor = { use: { db }, auth: [authenticated, isAuthor], problems: [absent, notYours] };

export const getArticle = handler({
  ...ofArticle,
  description: "Show an article.",
  effect: "read",
  auth: anyone,
  handle: ({ slug }, { db }) => articleOf(db, slug),
});

export const updateArticle = handler({
  ...ofAuthor,
  description: "Change an article of the caller. What is not given stays. A new title gives a new slug.",
  effect: "write",
  input: Type.Object({ slug: Slug, ...Type.Partial(Type.Object(ArticleText)).properties }),
  output: shaped(Article),
  handle: ({ slug, ...changes }, { db }) => {
    const article = articleOf(db, slug);
    const { id, title, description, body, tagList } = { ...article, ...changes };
    const newSlug = title === article.title ? slug : slugFor(db, title);
    db.all(
      `update articles set slug = :newSlug, title = :title, description = :description, body = :body, tag_list = :tags,
         updated_at = :now where id = :id`,
      { id, newSlug, title, description, body, tags: JSON.stringify(tagList), now: new Date().toISOString() },
    );
    return articleOf(db, newSlug);
  },
});

export const deleteArticle = handler({
  ...ofAuthor,
  description: "Delete an article of the caller, with its comments.",
  effect: "destructive",
  input: Type.Object({ slug: Slug }),
  output: Type.Null(),
  handle: ({ slug }, { db }) => {
    db.all("delete from articles where slug = :slug", { slug });
    return null;
  },
});

export const favorite = handler({
  ...ofFan,
  description: "Add an article to the favorites of the caller.",
  handle: ({ slug }, { db }) => {
    db.all("insert or ignore into favorites select :viewer, id from articles where slug = :slug", { slug });
    return articleOf(db, slug);
  },
});

export const unfavorite = handler({
  ...ofFan,
  description: "Remove an article from the favorites of the caller.",
  handle: ({ slug }, { db }) => {
    const article = "(select id from articles where slug = :slug)";
    db.all(`delete from favorites where user_id = :viewer and article_id = ${article}`, { slug });
    return articleOf(db, slug);
  },
});

export const listTags = handler({
  description: "List the tags of all articles.",
  effect: "read",
  input: Type.Object({}),
  output: Type.Array(Type.String()),
  auth: anyone,
  use: { db },
  handle: (_, { db }) =>
    db.all<{ tag: string }>("select distinct value as tag from articles, json_each(tag_list) order by 1").map(({ tag }) => tag),
});
