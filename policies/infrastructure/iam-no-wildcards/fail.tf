data "aws_iam_policy_document" "deploy" {
  statement {
    sid       = "Everything"
    actions   = ["*"] # expect[admin high likely]: `data.aws_iam_policy_document.deploy` allows all actions on all resources
    resources = ["*"]
  }

  statement {
    actions   = ["S3:*", "sqs:SendMessage"] # expect[service high]: allows all actions of `S3` on all resources
    resources = ["*"]
  }

  statement {
    actions   = ["dynamodb:*"] # expect[scoped-service medium]: allows all actions of `dynamodb`, expected those that are needed
    resources = ["arn:aws:dynamodb:eu-central-1:123456789012:table/orders"]
  }

  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"] # expect[pass-role high]: allows `iam:PassRole` of all roles to all services, expected a condition on `iam:PassedToService`
  }

  statement {
    not_actions = ["iam:*", "organizations:*"] # expect[not-action high]: allows all actions but `iam:*`, `organizations:*`
    resources   = ["*"]
  }

  statement {
    actions       = ["sqs:SendMessage"]
    not_resources = ["arn:aws:sqs:eu-central-1:123456789012:payments"] # expect[not-resource medium]: allows `sqs:SendMessage` on all resources but some
  }

  statement {
    actions   = ["ec2:DescribeInstances", "ec2:TerminateInstances", "ec2:StopInstances", "ec2:StartInstances", "ec2:RebootInstances"]
    resources = ["*"] # expect[resource medium]: allows `ec2:TerminateInstances`, `ec2:StopInstances`, `ec2:StartInstances` and 1 more on all resources
  }

  # Reads that give away secrets.
  statement {
    actions   = ["secretsmanager:GetSecretValue", "ssm:GetParameter*"]
    resources = ["arn:aws:secretsmanager:*:*:*"] # expect[resource]: allows `secretsmanager:GetSecretValue`, `ssm:GetParameter*` on all resources
  }

  # Every object of every bucket.
  statement {
    actions   = ["s3:PutObject"]
    resources = ["arn:aws:s3:::*/*"] # expect[resource]: `s3:PutObject`
  }

  # From where somebody calls says nothing of the resource.
  statement {
    actions   = ["kms:Decrypt"]
    resources = ["*"] # expect[resource]: `kms:Decrypt`

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = ["eu-central-1"]
    }
  }

  statement {
    actions   = ["iam:*"] # expect[service]: all actions of `iam`
    resources = ["*"]

    condition {
      test     = "Bool"
      variable = "aws:MultiFactorAuthPresent"
      values   = ["true"]
    }
  }
}

resource "aws_iam_policy" "ci" {
  name   = "ci"
  policy = data.aws_iam_policy_document.deploy.json
}

resource "aws_iam_role_policy" "lambda" {
  role = "lambda"
  policy = jsonencode({ # expect[admin]: `aws_iam_role_policy.lambda` allows all actions on all resources
    Version = "2012-10-17"
    Statement = {
      Effect   = "Allow"
      Action   = "*"
      Resource = "*"
    }
  })
}

resource "aws_iam_role" "task" {
  name               = "task"
  assume_role_policy = "{}"

  inline_policy {
    name   = "queues"
    policy = jsonencode({ Statement = [{ Effect = "Allow", Action = ["sqs:*"], Resource = ["*"] }] }) # expect[resource]: `aws_iam_role.task` allows `sqs:*`
  }
}
