// The schemas of the inputs and outputs, as the RealWorld specification describes them.

import { type Static, secret, Type, withDefault } from "quater";

const blank = "can't be blank";
const filled = { required: blank, minLength: blank };

export const Username = Type.String({ minLength: 1, maxLength: 60, "x-message": filled });
export const Email = Type.String({
  minLength: 1,
  maxLength: 254,
  format: "email",
  "x-message": { ...filled, format: "is invalid" },
});
export const Password = secret(Type.String({ minLength: 1, maxLength: 128, "x-message": filled }));
const tooShort = { ...filled, pattern: "is too short (minimum is 8 characters)" };
/** The fields with which a user logs in. */
export const Login = {
  email: Email,
  password: secret(Type.String({ minLength: 1, maxLength: 128, pattern: "^.{8,}$", "x-message": tooShort })),
};
export const OptionalText = Type.Union([Type.String({ maxLength: 2_000 }), Type.Null()]);

export const Slug = Type.String({ maxLength: 300 });
export const LongText = Type.String({ minLength: 1, maxLength: 100_000, "x-message": filled });
export const ArticleText = {
  title: Type.String({ minLength: 1, maxLength: 200, "x-message": filled }),
  description: Type.String({ minLength: 1, maxLength: 1_000, "x-message": filled }),
  body: LongText,
  tagList: Type.Array(Type.String({ minLength: 1, maxLength: 60 }), { maxItems: 50, uniqueItems: true }),
};

export const Page = {
  limit: withDefault(Type.Integer({ minimum: 1, maximum: 100, description: "How many articles at most" }), 20),
  offset: withDefault(Type.Integer({ minimum: 0, description: "How many articles to leave out first" }), 0),
};

const nullableText = Type.Union([Type.String(), Type.Null()]);
const time = Type.String({ format: "date-time" });

export const User = Type.Object(
  { email: Type.String(), token: secret(Type.String()), username: Type.String(), bio: nullableText, image: nullableText },
  { title: "User" },
);

export const Profile = Type.Object(
  { username: Type.String(), bio: nullableText, image: nullableText, following: Type.Boolean() },
  { title: "Profile" },
);
export type Profile = Static<typeof Profile>;

const listed = {
  slug: Type.String(),
  title: Type.String(),
  description: Type.String(),
  tagList: Type.Array(Type.String()),
  createdAt: time,
  updatedAt: time,
  favorited: Type.Boolean(),
  favoritesCount: Type.Integer({ minimum: 0 }),
  author: Profile,
};
export const Article = Type.Object({ ...listed, body: Type.String() }, { title: "Article" });

/** The schema of a page of articles. The articles in a page have no body. */
export const ArticlePage = Type.Object({
  articles: Type.Array(Type.Object(listed, { title: "ListedArticle" })),
  articlesCount: Type.Integer({ minimum: 0, description: "Of all pages" }),
});

export const Comment = Type.Object(
  { id: Type.Integer(), createdAt: time, updatedAt: time, body: Type.String(), author: Profile },
  { title: "Comment" },
);
