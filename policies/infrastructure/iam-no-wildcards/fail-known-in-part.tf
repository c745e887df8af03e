resource "aws_s3_bucket" "media" {
  bucket = "media"
}

resource "aws_iam_policy" "media" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = "${aws_s3_bucket.media.arn}/*"
      },
      {
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = "*" # expect[resource]: `aws_iam_policy.media` allows `sqs:SendMessage` on all resources
      },
    ]
  })
}
