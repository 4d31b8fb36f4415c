// A program written against the generated types: what the document says is what a client may rely on.
import createClient from "openapi-fetch";
import type { components, paths } from "./messages";

type Summary = components["schemas"]["ConversationSummary"];
type Problem = components["schemas"]["Problem"];

const client = createClient<paths>({ headers: { Authorization: "Bearer TOKEN" } });

export async function walk(): Promise<number> {
  const { data: page, error } = await client.GET("/api/v1/store/messages", {
    params: { query: { status: "all", limit: 10, include_total: true } },
  });
  if (error) throw new Error(explain(error));
  const unread: Summary[] = page.conversations.filter((conversation) => conversation.unread_count > 0);
  const cursor: string | null = page.next_cursor;
  const total: number | undefined = page.total;

  const begun = await client.POST("/api/v1/store/messages", {
    params: { header: { "Idempotency-Key": "order-17" } },
    body: {
      conversation_type: "store_customer",
      recipient_type: "customer",
      recipient_id: 1,
      subject: "Your order",
      content: "It leaves tomorrow.",
    },
  });
  if (begun.error) throw new Error(explain(begun.error));
  const platform: number | null = begun.data.counterpart.id;
  const closed: string | null = begun.data.closed_at;

  const sent = await client.POST("/api/v1/store/messages/{id}/messages", {
    params: { path: { id: begun.data.id } },
    body: { content: "Thank you!" },
  });
  const files = sent.data?.attachments.map((file) => file.download_url ?? `${file.filename} was removed`);

  const read = await client.PUT("/api/v1/store/messages/{id}/read", {
    params: { path: { id: begun.data.id } },
    body: { up_to: begun.data.last_seq },
  });
  console.log(unread, cursor, total, platform, closed, files);
  return read.data?.unread_count ?? 0;
}

function explain(problem: Problem): string {
  return `${problem.code}: ${problem.detail} ${problem.errors?.map((fault) => fault.field).join(", ") ?? ""}`;
}

export async function mistakes(): Promise<void> {
  // @ts-expect-error a customer begins nothing
  await client.POST("/api/v1/storefront/messages", {});
  // @ts-expect-error there is no such status
  await client.GET("/api/v1/admin/messages", { params: { query: { status: "archived" } } });
  // @ts-expect-error a message needs its content
  await client.POST("/api/v1/admin/messages/{id}/messages", { params: { path: { id: 1 } }, body: {} });
  // @ts-expect-error a store finds its customers only
  await client.GET("/api/v1/store/messages/recipients", { params: { query: { recipient_type: "store" } } });
  // @ts-expect-error numbers are numbers
  await client.PUT("/api/v1/admin/messages/{id}/read", { params: { path: { id: 1 } }, body: { up_to: "3" } });
}
